"""Logging to standard output and, unless switched off, to one file that all processes share, rotated by size."""

import logging
import os
import sys
from functools import partial
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any

from concurrent_log_handler import ConcurrentRotatingFileHandler

MEGABYTE = 1_000_000
#: How long a line waits for others. Written one by one, each with a lock on the file, they take 15% of the CPU time of
#: a request that a cache answers. A killed process loses the lines of this time.
BATCH_SECONDS = 0.05
#: Lines kept in memory while the disk hangs; further ones are lost.
MAX_QUEUED_LINES = 100_000


class BatchListener(QueueListener):
    """Writes formatted lines in a thread, in batches."""

    queue: "SimpleQueue[str | None]"

    def __init__(self, queue: "SimpleQueue[str | None]", *handlers: logging.Handler) -> None:
        super().__init__(queue, *handlers)
        self._is_stopping = Event()

    def dequeue(self, block: bool) -> logging.LogRecord | None:  # type: ignore[override]
        if (line := self.queue.get(block)) is None:
            return None
        self._is_stopping.wait(BATCH_SECONDS)
        lines = [line]
        while not self.queue.empty():
            if (line := self.queue.get()) is None:
                self.enqueue_sentinel()
                break
            lines.append(line)
        return logging.makeLogRecord({"msg": "\n".join(lines)})

    def stop(self) -> None:
        self._is_stopping.set()
        super().stop()


class LineHandler(QueueHandler):
    """Formats lines in the logging thread, which knows the request, and queues them for a listener of its process."""

    queue: "SimpleQueue[str | None]"

    def __init__(self, filename: Path | None, max_bytes: int, backup_count: int) -> None:
        super().__init__(SimpleQueue())
        self._open_file = filename and partial(
            ConcurrentRotatingFileHandler, filename, maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8"
        )
        self._reset()
        # A forked process has no listener thread, its parent writes the queue, and either may hold the file's locks.
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self.queue = SimpleQueue()
        output = logging.StreamHandler(sys.stdout)
        self._targets: tuple[logging.Handler, ...] = (output, self._open_file()) if self._open_file else (output,)
        self._listener: BatchListener | None = None

    def prepare(self, record: logging.LogRecord) -> str:
        return self.format(record)

    def enqueue(self, record: Any) -> None:
        if self._listener is None:  # not before: a thread would be lost when the server's worker processes are forked
            self._listener = BatchListener(self.queue, *self._targets)
            self._listener.start()
        if self.queue.qsize() < MAX_QUEUED_LINES:
            self.queue.put_nowait(record)

    def close(self) -> None:
        if self._listener:
            self._listener.stop()
            self._listener = None
        for target in self._targets:
            target.close()
        super().close()


FILTERS = {"request": {"()": "reprotech.monitoring.log_formatters.RequestFilter"}}
FORMATTERS = {
    "text": {
        "()": "reprotech.monitoring.log_formatters.TextFormatter",
        "format": "%(asctime)s %(levelname)s %(name)s [%(instance)s %(request_id)s %(client)s] %(message)s",
    },
    "json": {"()": "reprotech.monitoring.log_formatters.JSONFormatter"},
}


def server_logging_config(form: str) -> dict[str, object]:
    """Of granian, whose lines have the form of ours. Its main process writes them itself: a thread, such as that of
    `LineHandler`, would be lost in the workers that it forks later.
    """
    output = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": form, "filters": ["request"]}
    return {"filters": FILTERS, "formatters": FORMATTERS, "handlers": {"console": output, "access": output}}


def logging_config(*, level: str, form: str, file: Path | None, megabytes: int, old_files: int) -> dict[str, object]:
    """Lines go to `file` as well, if there is one, and of so many old ones the oldest is removed."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": FILTERS,
        "formatters": FORMATTERS,
        "handlers": {
            "lines": {
                "()": LineHandler,
                "filename": file,
                "max_bytes": megabytes * MEGABYTE,
                "backup_count": old_files,
                "formatter": form,
                "filters": ["request"],
            },
        },
        "root": {"level": level, "handlers": ["lines"]},
        # Django installs handlers of its own on "django"; one line an event is enough.
        "loggers": {
            "django": {"handlers": [], "propagate": True, "level": level},
            "fido2": {"level": "WARNING"},  # it would log every credential
            "authlib": {"level": "WARNING"},  # it would log every token
        },
    }
