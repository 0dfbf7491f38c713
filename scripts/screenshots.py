"""Pictures of every page, in both colour schemes and at both sizes: `scripts/screenshots [directory]`.

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

ROOT = Path(__file__).resolve().parent.parent
PORT = int(os.environ.get("PORT") or 5073)
URL = f"http://127.0.0.1:{PORT}"
SIZES = {1440: 900, 390: 844}
PATIENCE = 120  # seconds for the server to start
#: The file's name and the page's address; {user}, {role} and {event} are filled in.
PAGES = {
    "login": "/login",
    "dashboard": "/",
    "dashboard-year": "/?days=365",
    "users": "/users",
    "users-none-found": "/users?search=nobody-of-this-name",
    "user-new": "/users/new",
    "user": "/users/{user}",
    "user-edit": "/users/{user}/edit",
    "user-delete": "/users/{user}/delete",
    "users-import": "/users/import",
    "roles": "/roles",
    "role-new": "/roles/new",
    "role": "/roles/{role}",
    "permissions": "/permissions",
    "audit": "/audit",
    "audit-none-found": "/audit?user=nobody-of-this-name",
    "audit-wrong-filter": "/audit?ip_address=lab-3",
    "audit-event": "/audit/{event}",
    "profile": "/profile",
    "password": "/password",
    "logout": "/logout",
    "not-found": "/nothing-here",
    "admin": "/admin/",
    "api-docs": "/api/docs",
}
SIGNED_OUT = {"login"}


def main() -> None:
    """Start, furnish, photograph, clear away."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "screenshots").resolve()
    target.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="reprotech-screenshots-"))
    os.environ.update(environment(home))
    server = subprocess.Popen([ROOT / "scripts" / "server"], cwd=ROOT, start_new_session=True)  # noqa: S603
    try:
        wait_for(server)
        names = furnish()
        missing = photograph(target, names)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        shutil.rmtree(home, ignore_errors=True)
    if missing:
        sys.exit(f"These pages answered with an error: {', '.join(missing)}")


def environment(home: Path) -> dict[str, str]:
    """The server's own."""
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
    deadline = time.monotonic() + PATIENCE
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


def furnish() -> dict[str, int]:
    """Fill the server's database; returns what to put into the addresses."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "reprotech.settings"
    import django

    django.setup()
    from accounts.models import Role, User
    from audit.models import AuditLog
    from scripts import screenshot_lab

    screenshot_lab.furnish(User.objects.get(username="admin"))
    event = AuditLog.objects.filter(resource="role", action="update", username="admin").latest("id")
    user = User.objects.get(last_name__startswith="van der")
    return {"user": user.pk, "role": Role.objects.get(name="Night Shift").pk, "event": event.pk}


def photograph(target: Path, names: dict[str, int]) -> list[str]:
    """Take every picture; returns the pages that answered with an error they shouldn't have."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        missing: set[str] = set()
        for scheme, width in itertools.product(("light", "dark"), SIZES):
            options: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": SIZES[width]}}
            page = browser.new_context(base_url=URL, **options).new_page()
            missing |= {name for name in SIGNED_OUT if not shoot(page, target, name, names, f"{scheme}-{width}")}
            sign_in(page)
            rest = [name for name in PAGES if name not in SIGNED_OUT]
            missing |= {name for name in rest if not shoot(page, target, name, names, f"{scheme}-{width}")}
            page.context.close()
        browser.close()
    return sorted(missing)


def sign_in(page: Any) -> None:
    """As the documented administrator."""
    page.goto("/login")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill("Admin123!")
    page.locator("main button[type=submit]").click()
    page.get_by_role("heading", level=1).wait_for()


def shoot(page: Any, target: Path, name: str, names: dict[str, int], variant: str) -> bool:
    """Take one picture; whether the page was what it should be."""
    # Not "networkidle": the dashboard asks for news all the time.
    answer = page.goto(PAGES[name].format(**names), wait_until="load")
    page.wait_for_timeout(200)
    page.screenshot(path=target / f"{name}-{variant}.png", full_page=True, animations="disabled")
    good = answer is not None and (answer.ok or name in {"not-found", "audit-wrong-filter"})
    print(f"{'' if good else 'ERROR '}{name}-{variant}.png", flush=True)
    return bool(good)


if __name__ == "__main__":
    main()
