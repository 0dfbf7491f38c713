"""Maintenance mode: all requests get 503 between `manage.py maintenance on` and `off`.

It is on while MAINTENANCE_FILE exists, even an empty one. Checking that takes microseconds, so all processes obey at
once, and also while the database is down or being migrated. Several hosts share the file on a volume, or each has one.
There is no exception for anybody, since knowing a user takes the database; to test, start the application on another
port with another MAINTENANCE_FILE. `until` is only announced: the operator ends the maintenance.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Self

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django_htmx.middleware import HtmxDetails

from audit.models import Action
from audit.services import record
from reprotech.api.exception_handler import error_body
from reprotech.core.actors import System
from reprotech.navigation import static_error_page
from reprotech.web.errors import is_api

DEFAULT_MESSAGE = "What was saved is safe. Try again in a few minutes."
#: Seconds: without an announced end, and at least.
RETRY_AFTER = 120
MIN_RETRY_AFTER = 30
#: Balancers and monitors get their usual answers. (WhiteNoise serves static files before this middleware.)
OPEN_PATHS = ("/api/health", "/api/health/live", "/api/health/ready", "/metrics")


@dataclass(frozen=True, slots=True)
class Maintenance:
    message: str = ""
    until: datetime | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a file's text; what is malformed is left out."""
        try:
            found = json.loads(text)
            until = datetime.fromisoformat(found["until"]).astimezone(UTC) if found.get("until") else None
            return cls(str(found.get("message") or ""), until)
        except (ValueError, TypeError, AttributeError):
            # The file's presence is what counts: a damaged one must not end the maintenance.
            return cls()

    @property
    def sentence(self) -> str:
        announced = f" It should be over by {self.until:%-d %b %Y, %H:%M} UTC." if self.until else ""
        message = self.message or DEFAULT_MESSAGE
        return f"{message}{'' if message.endswith(('.', '!', '?')) else '.'}{announced}"

    @property
    def retry_after(self) -> int:
        if self.until is None:
            return RETRY_AFTER
        return max(MIN_RETRY_AFTER, int((self.until - datetime.now(UTC)).total_seconds()))


def enable(maintenance: Maintenance) -> None:
    path: Path = settings.MAINTENANCE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    until = maintenance.until.astimezone(UTC).isoformat() if maintenance.until else None
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"message": maintenance.message, "until": until}, file)
        os.fchmod(descriptor, 0o644)  # the server may run as another user
    # By a rename, so that no process ever reads half a file.
    Path(temporary).replace(path)


def disable() -> bool:
    """Remove the file; returns whether there was one."""
    try:
        settings.MAINTENANCE_FILE.unlink()
    except FileNotFoundError:
        return False
    return True


def current() -> Maintenance | None:
    """The announcement, None while maintenance mode is off."""
    path: Path = settings.MAINTENANCE_FILE
    try:
        status = path.stat()
    except OSError:
        return None
    return _read(path, status.st_ino, status.st_mtime_ns)


@lru_cache(maxsize=1)
def _read(path: Path, _inode: int, _changed: int) -> Maintenance:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return Maintenance.read(path.read_text(encoding="utf-8"))
    return Maintenance()


def record_maintenance_change(before: Maintenance | None, after: Maintenance | None) -> None:
    """Record what a command announced or ended; may raise a DatabaseError."""
    changes = {
        "maintenance": (before is not None, after is not None),
        "message": (before and before.message, after and after.message),
        "until": (before and before.until, after and after.until),
    }
    changed = {name: values for name, values in changes.items() if values[0] != values[1]}
    record(actor=System(), action=Action.UPDATE, resource="settings", changes=changed)


class MaintenanceMiddleware:
    """Answers 503 during maintenance, without database, session or user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        maintenance = current()
        if maintenance is None or request.path_info in OPEN_PATHS:
            return self.get_response(request)
        response = maintenance_response(request, maintenance)
        response["Retry-After"] = str(maintenance.retry_after)
        response["Cache-Control"] = "no-store"
        return response


def maintenance_response(request: HttpRequest, maintenance: Maintenance) -> HttpResponse:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    if is_api(request):
        until = {"until": maintenance.until.isoformat().replace("+00:00", "Z")} if maintenance.until else {}
        sentence = f"Reprotech is being maintained. {maintenance.sentence}"
        return JsonResponse(error_body(sentence, "maintenance", **until), status=status)
    if HtmxDetails(request):
        # The page shows this and keeps what was typed.
        text = f"Reprotech is being maintained. {maintenance.sentence} What you typed is still here."
        return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    return static_error_page(request, status, "Reprotech is being maintained", maintenance.sentence)
