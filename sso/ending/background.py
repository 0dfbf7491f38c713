"""The threads of each server process that end sign-ins, deliver logout notices and delete what is old."""

import time
from threading import Event

from accounts import session_cache
from reprotech.core.background import PeriodicThread
from sso.ending import housekeeping
from sso.ending.access_changes import AccessChanges
from sso.ending.delivery import Courier
from sso.ending.services import end_lost_sign_ins
from sso.sign_ins import wake

#: Changes by this process are noticed at once, those by commands and by time within this.
INTERVAL_SECONDS = 1
#: Between two looks, however many changes there are.
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS, PAUSE_FACTOR = 0.2, 0.8, 5
HOUSEKEEPING_SECONDS = 600


class EndingThread(PeriodicThread):
    """Looks for sign-ins that no longer count, and delivers what there is to deliver."""

    def __init__(self) -> None:
        self._courier, self._pause = Courier(self.wake), Event()
        self._changes = AccessChanges()
        super().__init__(
            "app-sign-ins",
            self._look,
            INTERVAL_SECONDS,
            problem="Sign-ins at applications can't be ended at the moment. They don't count all the same.",
            recovered="Sign-ins at applications are ended again.",
        )

    def _look(self) -> None:
        began = time.monotonic()
        try:
            end_lost_sign_ins(self._changes.people())
        except Exception:
            # Nobody whom it concerned is passed over.
            self._changes = AccessChanges()
            raise
        self._courier.dispatch()
        # Where there is so much to look at that it takes its time, the database has other things to do too.
        took = time.monotonic() - began
        self._pause.wait(min(max(MIN_PAUSE_SECONDS, PAUSE_FACTOR * took), MAX_PAUSE_SECONDS))


def start() -> None:
    """Start the threads, which end with the process."""
    thread = EndingThread()
    thread.start()
    wake.register(thread.wake)
    session_cache.on_access_change(wake.wake)
    PeriodicThread(
        "app-sign-in-housekeeping",
        housekeeping.delete_old,
        HOUSEKEEPING_SECONDS,
        problem="Old sign-ins at applications can't be deleted at the moment.",
    ).start()
