"""Delivers logout notices: each in a thread, and of one application only a few at a time.

So a program that hangs holds up its own notices and nobody else's. A notice is leased for as long as an attempt may
take (`reprotech.db.outbox`); if this process dies, another one delivers it.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from threading import Lock, Thread

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils import timezone

from reprotech.db.outbox import retry_delay, take_due
from sso.ending.http_post import PostFailed, post_form
from sso.ending.logout_tokens import make_logout_token
from sso.models import LogoutNotice

logger = logging.getLogger(__name__)

#: Longer than an attempt takes (`http_post.DEADLINE_SECONDS`, and the connection to the database).
LEASE = timedelta(seconds=30)
FIRST_RETRY, MAX_RETRY = timedelta(seconds=5), timedelta(minutes=10)
#: After which a program that doesn't answer has ended its sessions by itself, or never will.
MAX_AGE = timedelta(hours=6)
#: At a time: of all applications, of one, and of one whose last attempt failed.
MAX_THREADS, MAX_PER_APPLICATION, MAX_PER_FAILING = 24, 4, 1
#: What the standard answers with (section 2.8), and what frameworks make of an answer without a body.
DELIVERED = {HTTPStatus.OK, HTTPStatus.NO_CONTENT}


def waiting_notices() -> QuerySet[LogoutNotice]:
    """Neither delivered nor given up."""
    return LogoutNotice.objects.filter(delivered_at__isnull=True, failed_at__isnull=True)


def deliver_due() -> int:
    """Deliver what is due, one after the other; returns how many arrived. Servers do it in threads instead."""
    delivered = 0
    while notices := take_due(waiting_notices().select_related("application"), lease=LEASE):
        delivered += deliver(notices[0])
    return delivered


def deliver(notice: LogoutNotice) -> bool:
    """One attempt, and its outcome stored: whether it arrived."""
    error = _attempt(notice)
    now = timezone.now()
    notice.last_error = error
    if not error:
        notice.delivered_at = now
    else:
        notice.due_at = now + retry_delay(notice.attempts, first=FIRST_RETRY, maximum=MAX_RETRY)
        notice.failed_at = now if now - notice.created_at > MAX_AGE else None
        outcome = "given up" if notice.failed_at else f"tried again at {notice.due_at:%H:%M:%S}"
        logger.warning("A sign-out was not delivered to %s and is %s. %s", notice.target.name, outcome, error)
    notice.save(update_fields=["last_error", "delivered_at", "due_at", "failed_at"])
    return not error


def _attempt(notice: LogoutNotice) -> str:
    """What went wrong, in words without secrets; "" if nothing did."""
    address = notice.target.address
    if not address:
        return "The application has no back-channel logout URI any more."
    try:
        status = post_form(address, {"logout_token": make_logout_token(notice)})
    except PostFailed as error:
        return str(error)
    except DatabaseError:
        raise
    except Exception as error:
        # Such as a signing key that can't be decrypted: it concerns this notice, and is tried again.
        logger.exception("A logout token could not be made.")
        return type(error).__name__
    return "" if status in DELIVERED else f"It answered {status}."


class Courier:
    """Delivers in threads. `on_finish` is called by each as it ends, since there may be more to do."""

    def __init__(self, on_finish: Callable[[], None]) -> None:
        self._on_finish, self._lock = on_finish, Lock()
        #: By client id, which a deleted application still has.
        self._running: Counter[str] = Counter()
        self._failing: set[str] = set()

    def dispatch(self) -> int:
        """Begin as many deliveries as there are threads for; returns how many."""
        begun = 0
        due = waiting_notices().filter(due_at__lte=timezone.now())
        for client_id in self._in_order(due.values_list("client_id", flat=True).distinct()):
            notices = waiting_notices().filter(client_id=client_id).select_related("application")
            if room := self._room(client_id):
                for notice in take_due(notices, lease=LEASE, limit=room):
                    self._begin(notice)
                    begun += 1
        return begun

    def _in_order(self, client_ids: QuerySet[LogoutNotice, str]) -> list[str]:
        """Those that answer first, so that the others can't take their threads."""
        with self._lock:
            return sorted(client_ids, key=lambda one: (one in self._failing, self._running[one]))

    def _room(self, client_id: str) -> int:
        with self._lock:
            own = MAX_PER_FAILING if client_id in self._failing else MAX_PER_APPLICATION
            return max(0, min(own - self._running[client_id], MAX_THREADS - self._running.total()))

    def _begin(self, notice: LogoutNotice) -> None:
        with self._lock:
            self._running[notice.client_id] += 1
        Thread(target=self._deliver, args=[notice], name=f"logout-notice-{notice.pk}", daemon=True).start()

    def _deliver(self, notice: LogoutNotice) -> None:
        has_arrived = False
        try:
            has_arrived = deliver(notice)
        except DatabaseError as error:
            # The lease expires, and it is tried again: at worst it arrives twice.
            logger.warning("The outcome of a sign-out's delivery can't be stored. %s", type(error).__name__)
        finally:
            connection.close()  # this thread's own
            with self._lock:
                self._running[notice.client_id] -= 1
                (self._failing.discard if has_arrived else self._failing.add)(notice.client_id)
            self._on_finish()
