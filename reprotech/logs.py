"""Log lines that say which request they belong to."""

import json
import logging
import re
from datetime import UTC, datetime

from audit.context import current_origin

#: Links of mails carry their token in the path.
SECRET_PATH = re.compile(r"(/(?:set-password|confirm-email)/)[^\s\"'?#]+")


class RequestFilter(logging.Filter):
    """Add `request_id` ("-" outside a request) to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass, without the tokens of links: Django too names paths, such as of refused requests."""
        record.request_id = current_origin().request_id or "-"
        message = record.getMessage()
        if SECRET_PATH.search(message):
            record.msg, record.args = SECRET_PATH.sub(r"\1...", message), None
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
