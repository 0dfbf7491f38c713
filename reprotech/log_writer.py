"""Writes log lines, those of a moment together: taking the file's lock for each would cost more than its request."""

import logging
import os
import sys
import time
from collections import deque
from pathlib import Path
from threading import Event, Lock, Thread

from concurrent_log_handler import ConcurrentRotatingFileHandler

#: Seconds that a line may wait for others, so that a killed process keeps no more than those to itself.
PAUSE = 0.05
#: Lines that may wait.
MOST = 1_000


class LineWriter(logging.Handler):
    """To standard output and, the same, to a file that several processes share and that begins anew when it is full.

    What is no good news, from a warning on, is written at once.
    """

    def __init__(self, filename: Path, bytes_each: int, files: int) -> None:
        super().__init__()
        self._filename, self._bytes_each, self._files = str(filename), bytes_each, files
        self._begin()
        # What waits is written by the process that it happened in; a copy of that has no thread to do it, and needs a
        # file of its own for a lock to tell the two apart.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        # Several worker processes share the file, so rotation takes a lock between them.
        self._targets: tuple[logging.Handler, ...] = (
            logging.StreamHandler(sys.stdout),
            ConcurrentRotatingFileHandler(
                self._filename, maxBytes=self._bytes_each, backupCount=self._files, encoding="utf-8"
            ),
        )
        self._lines: deque[str] = deque()
        self._writing = Lock()
        self._due = Event()
        self._is_served = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        try:
            self._lines.append(self.format(record))
        except Exception:  # noqa: BLE001 (as in all of logging: what can't be told breaks nothing)
            self.handleError(record)
            return
        if record.levelno >= logging.WARNING or len(self._lines) >= MOST:
            self.flush()
        elif not self._due.is_set():
            self._due.set()
            if not self._is_served:
                self._is_served = True
                Thread(target=self._write_on, name="log-writer", daemon=True).start()

    def _write_on(self) -> None:
        while True:
            self._due.wait()
            time.sleep(PAUSE)
            self._due.clear()
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                together = logging.makeLogRecord({"msg": "\n".join(lines)})
                for target in self._targets:
                    target.handle(together)

    def close(self) -> None:
        """Write what waits and let the file go."""
        self.flush()
        for target in self._targets:
            target.close()
        super().close()
