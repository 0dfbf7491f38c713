"""Work in the background: a thread that repeats it while its process lives, or a process of low priority."""

import logging
import subprocess
import sys
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)


class PeriodicThread(Thread):
    """Calls `work` every `interval` seconds, and at once when it is woken, until it is stopped.

    A failure is logged when it begins, not each time, and its end with `recovered`. Errors of `fatal` are critical;
    those of `expected` are logged without a stack trace.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        interval: float,
        *,
        problem: str,
        recovered: str = "",
        retry_interval: float | None = None,
        fatal: tuple[type[Exception], ...] = (),
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work, self._interval, self._retry_interval = work, interval, retry_interval or interval
        self._problem, self._recovered, self._fatal, self._expected = problem, recovered, fatal, expected
        self._is_due, self._is_stopping = Event(), False
        self._complaint = ""

    def wake(self) -> None:
        self._is_due.set()

    def stop(self) -> None:
        """Wait for a call of `work` that is running."""
        self._is_stopping = True
        self.wake()
        self.join()

    def run(self) -> None:
        while True:
            self._is_due.wait(self._retry_interval if self._complaint else self._interval)
            if self._is_stopping:
                return
            self._is_due.clear()
            self.run_once()

    def run_once(self) -> None:
        try:
            self._work()
        except self._fatal as error:
            self._complain(str(error), logging.CRITICAL, "%s", error)
        except self._expected as error:
            self._complain(type(error).__name__, logging.ERROR, "%s %s", self._problem, error)
        except Exception as error:  # noqa: BLE001 (the next round is a new attempt)
            # An outage words its errors in many ways: the class alone distinguishes problems.
            kind = type(error).__name__
            self._complain(kind, logging.ERROR, "%s %s: %s", self._problem, kind, error, exc_info=True)
        else:
            if self._complaint and self._recovered:
                logger.warning("%s", self._recovered)
            self._complaint = ""
        finally:
            connection.close()  # it may be broken, or needed by a request

    def _complain(self, complaint: str, level: int, text: str, *values: object, exc_info: bool = False) -> None:
        if complaint != self._complaint:
            logger.log(level, text, *values, exc_info=exc_info)
        self._complaint = complaint


def start_command(*words: str, niceness: int, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a command of manage.py, which Ctrl-C in this process' terminal doesn't reach."""
    command = ["nice", "-n", str(niceness), sys.executable, str(settings.BASE_DIR / "manage.py"), *words]
    return subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603 (all of it is ours)  # nosec B603
