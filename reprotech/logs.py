"""Log lines that say which request they belong to."""

import json
import logging
from datetime import UTC, datetime

from audit.context import current_origin


class RequestFilter(logging.Filter):
    """Add `request_id` ("-" outside a request) to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        record.request_id = current_origin().request_id or "-"
        return True


class JSONFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: time, level, logger, request_id, message, and exception if there is one."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
