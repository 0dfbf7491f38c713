"""Wakes the thread that looks after requests, so that those who decide learn of a new one at once."""

from typing import ClassVar

from reprotech.core.background import PeriodicThread


class Watch:
    """Of this process; None where no server runs."""

    thread: ClassVar[PeriodicThread | None] = None


def look_at_new_requests() -> None:
    if Watch.thread:
        Watch.thread.wake()
