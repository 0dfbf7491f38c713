"""Pictures of every page, in both colour schemes and at all sizes: `scripts/screenshots [directory [name ...]]`.

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
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from scripts.screenshot_scenes import SCENES, Scene

ROOT = Path(__file__).resolve().parent.parent
PORT = int(os.environ.get("PORT") or 5073)
URL = f"http://127.0.0.1:{PORT}"
SIZES = {1440: 900, 768: 1024, 390: 844}
NARROW_WIDTH = 900
#: Names of scenes; empty for all.
ONLY = set(sys.argv[2:])
START_TIMEOUT_SECONDS = 300  # seconds for the server to start


def main() -> None:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "screenshots").resolve()
    target.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="reprotech-screenshots-"))
    os.environ.update(environment(home))
    server = subprocess.Popen([ROOT / "scripts" / "server"], cwd=ROOT, start_new_session=True)  # noqa: S603  # nosec B603
    try:
        wait_for(server)
        names = fill_database()
        missing = photograph(target, names)
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
    from accounts.models import Role, User
    from audit.models import AuditLog
    from scripts import screenshot_lab

    screenshot_lab.create_lab(User.objects.get(username="admin"))
    event = AuditLog.objects.filter(resource="role", action="update", username="admin").latest("id")
    return {
        "user": User.objects.get(last_name__startswith="van der").pk,
        "long_user": User.objects.get(username__startswith="longest").pk,
        "role": Role.objects.get(name="Night Shift").pk,
        "long_role": Role.objects.get(name__startswith="Longest").pk,
        "event": event.pk,
    }


def photograph(target: Path, names: dict[str, int]) -> list[str]:
    """Take every picture; returns the pages that answered otherwise than they should have."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    scenes = {name: scene for name, scene in SCENES.items() if not ONLY or name in ONLY}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        missing: set[str] = set()
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
        browser.close()
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
