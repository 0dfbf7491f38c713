"""The outbox: messages are sent in the background once the change that they are about is committed, with retries.

A message is a row, written in the transaction of the change. A thread of each server process takes the rows that are
due, one at a time. If a process dies while it sends, the message is tried again: at worst it arrives twice. If the
database fails in between, the process remembers what it sent; only another one sends it again, if the database was away
for longer than LEASE. Commands, which have no such thread, send at once.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.core.mail import get_connection
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.core.default_admin_address import WITHHELD_MESSAGE, is_withheld
from accounts.models import OutgoingMail
from accounts.notifications.messages import render
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.background import PeriodicThread
from reprotech.db.outbox import retry_delay, take_due

logger = logging.getLogger(__name__)

#: Messages of this process itself are sent at once.
INTERVAL_SECONDS = 5
#: After which an attempt counts as lost: longer than a mail server takes.
LEASE = timedelta(minutes=5)
FIRST_RETRY, MAX_RETRY = timedelta(seconds=30), timedelta(hours=1)
#: An older message would be about the past, and a link in it nearly expired.
MAX_AGE = timedelta(hours=20)

_thread: PeriodicThread | None = None
#: Other background jobs, done before messages are sent. Each does one piece and returns whether there was one.
_jobs: list[Callable[[], bool]] = []
#: Sent messages that could not be deleted yet.
_sent_not_deleted: set[int] = set()


def enqueue(mails: Sequence[OutgoingMail]) -> None:
    """Add messages within the present transaction; they are sent after its commit."""
    with explicitly_recorded():  # the service that queues them records why
        OutgoingMail.objects.bulk_create(mails)
    transaction.on_commit(_wake)


def wake_after_commit() -> None:
    """Have the registered jobs run after the present transaction.

    The thread runs them seconds later. If it began at once, it would slow the present response down, whose time would
    show how much there was to do.
    """
    transaction.on_commit(_drain_without_thread)


def register_job(job: Callable[[], bool]) -> None:
    _jobs.append(job)


def start() -> None:
    """Send in the background, until `stop`."""
    global _thread  # noqa: PLW0603 (one for each process)
    _thread = PeriodicThread(
        "outbox",
        drain,
        INTERVAL_SECONDS,
        problem="The outbox can't be read at the moment.",
        recovered="The outbox is read again.",
    )
    _thread.start()


def stop() -> None:
    """End the thread once its present message is sent."""
    global _thread
    thread, _thread = _thread, None
    if thread:
        thread.stop()


def drain() -> int:
    """Run the jobs and send what is due; returns how many messages were sent."""
    _delete_sent()
    for job in _jobs:
        _run_job(job)
    sent = 0
    while mail := _take():
        sent += _send(mail)
    return sent


def _run_job(job: Callable[[], bool]) -> None:
    try:
        while job():
            pass
    except DatabaseError:
        raise
    except Exception:
        # Messages must not wait for it.
        logger.exception("A chore of the outbox failed; it is tried again.")


def _wake() -> None:
    if _thread:
        _thread.wake()
    else:
        drain()


def _drain_without_thread() -> None:
    if not _thread:
        drain()


def _take() -> OutgoingMail | None:
    """The message that is due for longest, leased to this caller."""
    due = take_due(OutgoingMail.objects.select_related("user").filter(failed_at=None), lease=LEASE)
    return due[0] if due else None


def _send(mail: OutgoingMail) -> bool:
    if is_withheld(mail.address):
        logger.warning("Mail %s to user %s was not sent. %s", mail.letter, mail.user_id, WITHHELD_MESSAGE)
    elif mail.user.deleted_at is None:
        try:
            if message := render(mail):
                get_connection().send_messages([message])
        except Exception as error:  # noqa: BLE001 (whatever fails on the way to the mail server, there is another attempt)
            _reschedule(mail, error)
            return False
    _sent_not_deleted.add(mail.pk)
    _delete_sent()
    return True


def _delete_sent() -> None:
    # Without the thread several callers may send at once: only these ids are removed, not what others add.
    if ids := {*_sent_not_deleted}:
        OutgoingMail.objects.filter(pk__in=ids).delete()
        _sent_not_deleted.difference_update(ids)


def _reschedule(mail: OutgoingMail, error: Exception) -> None:
    now = timezone.now()
    mail.last_error = f"{type(error).__name__}: {error}"[:200]
    mail.due_at = now + retry_delay(mail.attempts, first=FIRST_RETRY, maximum=MAX_RETRY)
    mail.failed_at = now if now - mail.created_at > MAX_AGE else None
    mail.save(update_fields=["last_error", "due_at", "failed_at"])
    outcome = "given up" if mail.failed_at else f"tried again at {mail.due_at:%H:%M:%S}"
    logger.error("Mail %s to user %s was not sent and is %s. %s", mail.letter, mail.user_id, outcome, mail.last_error)
