"""Log lines that say which request they belong to."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from audit.context import current_origin, current_user

#: What a record may have beyond its message, each a field of its own in JSON.
FIELDS = ("method", "path", "status", "duration_ms")


class RequestFilter(logging.Filter):
    """Add `request_id` ("-" outside a request) and `user_id` (None while nobody is known) to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        record.request_id = current_origin().request_id or "-"
        record.user_id = current_user()
        return True


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
        return json.dumps(line, ensure_ascii=False)
