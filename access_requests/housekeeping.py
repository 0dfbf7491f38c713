"""What time does to requests, in a thread of each process, which a new request wakes."""

from access_requests.announcements import announce_requests
from access_requests.expiry import close_overdue
from access_requests.new_requests import Watch
from reprotech.core.background import PeriodicThread

INTERVAL_SECONDS = 30


def start() -> None:
    Watch.thread = PeriodicThread(
        "access-requests",
        maintain_requests,
        INTERVAL_SECONDS,
        problem="Requests for access can't be looked after at the moment. They can be decided all the same.",
        recovered="Requests for access are looked after again.",
    )
    Watch.thread.start()


def maintain_requests() -> None:
    """Record what expired, then mail those who can decide about what is new."""
    close_overdue()
    announce_requests()
