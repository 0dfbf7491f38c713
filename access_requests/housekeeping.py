"""What time does to requests, in a thread of each process."""

from access_requests.announcements import announce_requests
from access_requests.expiry import close_overdue
from reprotech.core.background import PeriodicThread

INTERVAL_SECONDS = 30


def start() -> None:
    PeriodicThread(
        "access-requests",
        maintain_requests,
        INTERVAL_SECONDS,
        problem="Requests for access can't be looked after at the moment. They can be decided all the same.",
        recovered="Requests for access are looked after again.",
    ).start()


def maintain_requests() -> None:
    """Record what expired, then mail those who can decide about what is new."""
    close_overdue()
    announce_requests()
