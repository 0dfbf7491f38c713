"""Log lines that say which request they belong to, and that no request can forge, blow up or tell a secret to."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from reprotech.core.request_context import current_origin, current_principal

#: What a record may have beyond its message, each a field of its own in JSON.
FIELDS = ("method", "path", "status", "duration_ms")

#: Links of mails carry their token in the path.
SECRET_PATH = re.compile(r"(/(?:set-password|confirm-email)/)[^\s\"'?#]+")


class RequestFilter(logging.Filter):
    """Add `request_id` ("-" outside a request) and `user_id` (None while nobody is known) to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass, without the tokens of links: Django too names paths, such as of refused requests.

        A refusal, which is no failure, comes without the stack trace that Django adds to it.
        """
        record.request_id = current_origin().request_id or "-"
        message = record.getMessage()
        if SECRET_PATH.search(message):
            record.msg, record.args = SECRET_PATH.sub(r"\1...", message), None
        if record.levelno < logging.ERROR and record.name.startswith("django."):
            record.exc_info = None
        record.user_id = current_principal().user_id
        return True


class TextFormatter(logging.Formatter):
    """One line for each record, whatever a path or a name holds; stack traces follow on lines of their own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        line = super().formatMessage(record)
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: time, level, logger, request_id, message; user, request and exception if there are any."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if (user_id := getattr(record, "user_id", None)) is not None:
            line["user_id"] = user_id
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line).decode()
        except TypeError:  # lone surrogates, which JSON may name, are nothing that UTF-8 can write
            return orjson.dumps({name: _writable(value) for name, value in line.items()}).decode()


def _writable(value: object) -> str:
    return str(value).encode(errors="backslashreplace").decode()
