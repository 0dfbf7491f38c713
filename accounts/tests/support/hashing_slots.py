"""Hashing slots, taken by other threads."""

from contextlib import contextmanager
from threading import Event, Thread

from accounts.core import hashers

#: As many as the fixture `hashing_slots` leaves.
SLOTS = 2


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
