"""Where log lines go: to standard output and, the same, to a file that begins anew when it is full."""

from pathlib import Path
from typing import Any

BYTES, FILES = 10_000_000, 10


def logging_of(*, level: str, form: str, directory: Path) -> dict[str, Any]:
    """Django's LOGGING setting."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": "reprotech.logs.RequestFilter"}},
        "formatters": {
            "text": {
                "()": "reprotech.logs.TextFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
            },
            "json": {"()": "reprotech.logs.JSONFormatter"},
        },
        "handlers": {
            "lines": {
                "()": "reprotech.log_writer.LineWriter",
                "filename": directory / "reprotech_auth.log",
                "bytes_each": BYTES,
                "files": FILES,
                "formatter": form,
                "filters": ["request"],
            },
        },
        "root": {"level": level, "handlers": ["lines"]},
        # Django installs handlers of its own on "django"; one line an event is enough.
        "loggers": {
            "django": {"handlers": [], "propagate": True, "level": level},
            "fido2": {"level": "WARNING"},  # it would tell of every credential
        },
    }
