"""Wakes the thread of this process that ends sign-ins and delivers notices, where there is one."""

from collections.abc import Callable

#: Commands have none: a server notices within a second.
_wakers: list[Callable[[], None]] = []


def register(waker: Callable[[], None]) -> None:
    _wakers.append(waker)


def wake() -> None:
    """To be called after the commit; returns at once."""
    for waker in _wakers:
        waker()
