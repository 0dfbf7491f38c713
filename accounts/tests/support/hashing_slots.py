"""Hashing slots, taken by other threads."""

from contextlib import contextmanager
from threading import BoundedSemaphore, Event, Thread

from accounts.core import hashers

#: As many as the fixture `hashing_slots` leaves.
SLOTS = 2


class CountedSlots(BoundedSemaphore):
    """Slots of which one sees how many are taken."""

    @property
    def taken(self):
        return self._initial_value - self._value


@contextmanager
def occupied_slots():
    """All slots are taken, by other threads, within the block."""
    leave, held = Event(), []

    def occupy():
        with hashers.hashing_slot():
            held.append(1)
            leave.wait(60)

    threads = [Thread(target=occupy) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    while len(held) < SLOTS:
        leave.wait(0.01)
    yield
    leave.set()
    for thread in threads:
        thread.join()
