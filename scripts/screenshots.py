"""Pictures of every page, in both colour schemes and at all sizes: `scripts/screenshots [directory [name ...]]`.

With `--docs` those of README.md and docs/, into docs/images.

A server of its own on a throw-away database; nothing leaves this machine.
"""

import base64
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from scripts.screenshot_scenes import ADMINISTRATOR, DOCUMENT_PICTURES, SCENES, Scene

ROOT = Path(__file__).resolve().parent.parent
PORT = int(os.environ.get("PORT") or 5073)
URL = f"http://127.0.0.1:{PORT}"
SIZES = {1440: 900, 768: 1024, 390: 844}
NARROW_WIDTH = 900
#: Of a picture that is shown in a text, at most some 760 px wide.
DOCUMENT_SIZE = {"width": 1280, "height": 800}
IMAGES = ROOT / "docs" / "images"
#: Names of scenes; empty for all.
ONLY = set(sys.argv[2:])
START_TIMEOUT_SECONDS = 300  # seconds for the server to start


def main() -> None:
    is_for_documents = sys.argv[1:2] == ["--docs"]
    target = IMAGES if is_for_documents else Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "screenshots")
    target = target.resolve()
    target.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="reprotech-screenshots-"))
    os.environ.update(environment(home))
    server = subprocess.Popen([ROOT / "scripts" / "server"], cwd=ROOT, start_new_session=True)  # noqa: S603  # nosec B603
    try:
        wait_for(server)
        names = fill_database()
        missing = photograph_for_documents(target, names) if is_for_documents else photograph(target, names)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        shutil.rmtree(home, ignore_errors=True)
    if missing:
        sys.exit(f"These pages answered with an error: {', '.join(missing)}")


def environment(home: Path) -> dict[str, str]:
    return {
        "HOST": "127.0.0.1",
        "PORT": str(PORT),
        "PUBLIC_URL": URL,
        "DEBUG": "true",
        "DATABASE_URL": f"sqlite:///{home}/lab.sqlite3",
        "REDIS_URL": "",
        "EMAIL_URL": "memorymail://",
        "ADMIN_PASSWORD": ADMINISTRATOR[1],
        "SECRET_KEY": secrets.token_urlsafe(48),
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "RATE_LIMIT_ENABLED": "false",
        "LOG_DIR": str(home / "logs"),
        "LOG_LEVEL": "ERROR",
        "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics"),
    }


def wait_for(server: "subprocess.Popen[bytes]") -> None:
    """Return once the server answers; end the program when it doesn't."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=5)
        try:
            connection.request("GET", "/api/health/live")
            connection.getresponse()
        except OSError:
            time.sleep(0.2)
        else:
            return
        finally:
            connection.close()
    sys.exit("The server did not start.")


def fill_database() -> dict[str, int]:
    """Fill the server's database; returns what to put into the addresses."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "reprotech.settings"
    import django

    django.setup()
    from accounts.models import Role, RoleGrant, User
    from analytics.first_start.services import dismiss_checklist
    from audit.models import AuditLog
    from scripts import screenshot_lab

    administrator = User.objects.get(username="admin")
    screenshot_lab.create_lab(administrator)
    dismiss_checklist(actor=administrator)
    event = AuditLog.objects.filter(resource="role", action="update", username="admin").latest("id")
    return {
        "user": User.objects.get(last_name__startswith="van der").pk,
        "colleague": RoleGrant.objects.current().get(role__name="Night Shift").user_id,
        "long_user": User.objects.get(username__startswith="longest").pk,
        "role": Role.objects.get(name="Night Shift").pk,
        "long_role": Role.objects.get(name__startswith="Longest").pk,
        "event": event.pk,
    }


@contextmanager
def open_browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


def photograph(target: Path, names: dict[str, int]) -> list[str]:
    """Take every picture; returns the pages that answered otherwise than they should have."""
    scenes = {name: scene for name, scene in SCENES.items() if not ONLY or name in ONLY}
    missing: set[str] = set()
    with open_browser() as browser:
        for scheme, width in itertools.product(("light", "dark"), SIZES):
            options: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": SIZES[width]}}
            for who in dict.fromkeys(scene.who for scene in scenes.values()):
                page = browser.new_context(base_url=URL, **options).new_page()
                sign_in(page, who)
                for name, scene in scenes.items():
                    if scene.who == who and (width < NARROW_WIDTH or not scene.is_narrow_alone):
                        missing |= (
                            set() if shoot(page, target / f"{name}-{scheme}-{width}.png", scene, names) else {name}
                        )
                page.context.close()
    return sorted(missing)


def photograph_for_documents(target: Path, names: dict[str, int]) -> list[str]:
    """Take the pictures of the documents, each as large as a window."""
    missing = set()
    with open_browser() as browser:
        for name, (scheme, scene) in DOCUMENT_PICTURES.items():
            if not ONLY or name in ONLY:
                context = browser.new_context(base_url=URL, color_scheme=scheme, viewport=DOCUMENT_SIZE)
                page = context.new_page()
                sign_in(page, scene.who)
                if not shoot(page, target / name, replace(scene, is_window=True), names):
                    missing.add(name)
                context.close()
    return sorted(missing)


def sign_in(page: Any, who: tuple[str, str] | None) -> None:
    if who is None:
        return
    page.goto("/login")
    page.locator("[name=username]").fill(who[0])
    page.locator("[name=password]").fill(who[1])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/login" not in url)


def shoot(page: Any, file: Path, scene: Scene, names: dict[str, int]) -> bool:
    """Take one picture; whether the page was what it should be."""
    # Not "networkidle": the dashboard polls all the time.
    answer = page.goto(scene.path.format(**names), wait_until="load")
    if scene.act:
        scene.act(page)
    page.wait_for_timeout(200)
    window = page.viewport_size
    if not scene.is_window:
        # As high as the page, so that what sticks to the window's edges stands at the page's.
        page.set_viewport_size({**window, "height": page.evaluate("document.documentElement.scrollHeight")})
        page.wait_for_timeout(100)
    page.screenshot(path=file, animations="disabled")
    page.set_viewport_size(window)
    good = answer is not None and answer.status == scene.status
    print(f"{'' if good else 'ERROR '}{file.name}", flush=True)
    return bool(good)


if __name__ == "__main__":
    main()
