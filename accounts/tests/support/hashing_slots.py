"""Seats for hashes, taken by other threads."""

from contextlib import contextmanager
from threading import Event, Thread

from accounts.core import hashers

#: As many as the fixture `seats` leaves.
SEATS = 2


@contextmanager
def taken_seats():
    """All seats are taken, by other threads, within the block."""
    leave, sitting = Event(), []

    def sit():
        with hashers.hashing_slot():
            sitting.append(1)
            leave.wait(60)

    threads = [Thread(target=sit) for _ in range(SEATS)]
    for thread in threads:
        thread.start()
    while len(sitting) < SEATS:
        leave.wait(0.01)
    yield
    leave.set()
    for thread in threads:
        thread.join()
