"""Log lines with server, request and client, which no request can forge, enlarge or put secrets into."""

import logging
import re
from datetime import UTC, datetime

import orjson
from django.conf import settings

from reprotech.core.request_context import RequestOrigin, current_origin, current_principal

#: Attributes of a record that become fields in JSON.
FIELDS = ("method", "path", "status", "duration_ms", "version", "build", "settings")

#: Where a request keeps its origin, and the id of who made it, in `META`.
ORIGIN, USER_ID = "reprotech.origin", "reprotech.user_id"

#: Links of mails carry their token in the path.
SECRET_PATH = re.compile(r"(/(?:set-password|confirm-email)/)[^\s\"'?#]+")


class RequestFilter(logging.Filter):
    """Adds `instance`, `request_id` and `client` ("-" outside a request) and `user_id` (None if anonymous), and removes
    tokens of links.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs refusals after the middleware, when the request is no longer the current one.
        served = getattr(getattr(record, "request", None), "META", {})
        origin: RequestOrigin = served.get(ORIGIN) or current_origin()
        record.instance = settings.INSTANCE
        record.request_id, record.client = origin.request_id or "-", origin.ip_address or "-"
        # Django too logs paths, such as of refused requests.
        record.msg, record.args = SECRET_PATH.sub(r"\1...", record.getMessage()), None
        # A refusal is no failure: without the stack trace that Django adds.
        if record.levelno < logging.ERROR and record.name.startswith("django."):
            record.exc_info = None
        record.user_id = current_principal().user_id or served.get(USER_ID)
        return True


class TextFormatter(logging.Formatter):
    """One line for each record, whatever a path or name contains; stack traces follow."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        line = super().formatMessage(record)
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


class JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "instance": getattr(record, "instance", "-"),
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if (client := getattr(record, "client", "-")) != "-":
            line["client"] = client
        if (user_id := getattr(record, "user_id", None)) is not None:
            line["user_id"] = user_id
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line).decode()
        except TypeError:  # lone surrogates, which UTF-8 can't encode
            return orjson.dumps({name: _writable(value) for name, value in line.items()}).decode()


def _writable(value: object) -> str:
    return str(value).encode(errors="backslashreplace").decode()
