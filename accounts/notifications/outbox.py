"""The outbox: mails leave once the change that they tell of is committed, while nobody waits, and again on failure.

A mail is a row, written in the transaction of the change. A thread of the server takes the rows that are due, one at a
time, from whichever process comes first. If a process dies while it sends, the mail is tried again later: at worst
somebody gets it twice. If the database fails meanwhile, the process remembers that the mail left; only another one that
is quicker, once the database was away for longer than an attempt may take, sends it again. Commands, which have no such
thread, send at once.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.core.mail import get_connection
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.core.default_admin_address import WITHHELD_MESSAGE, is_withheld
from accounts.models import OutgoingMail
from accounts.notifications.messages import render
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.background import PeriodicThread

logger = logging.getLogger(__name__)

#: Seconds between two looks; what this process itself puts in is sent at once.
INTERVAL_SECONDS = 5
#: After which an attempt counts as lost: longer than a mail server may take.
LEASE = timedelta(minutes=5)
FIRST_RETRY, MAX_RETRY = timedelta(seconds=30), timedelta(hours=1)
#: A mail that is older would tell of what is long over, and a link in it would be nearly spent.
MAX_AGE = timedelta(hours=20)

_thread: PeriodicThread | None = None
#: What else is done while nobody waits, before mails leave. Each does one piece and says whether there was one.
_jobs: list[Callable[[], bool]] = []
#: Mails that left, but could not be deleted yet.
_sent_not_deleted: set[int] = set()


def enqueue(mails: Sequence[OutgoingMail]) -> None:
    """Add mails, as part of the present transaction; they leave when it is committed."""
    with explicitly_recorded():  # the service that queues them records why
        OutgoingMail.objects.bulk_create(mails)
    transaction.on_commit(_wake)


def wake_after_commit() -> None:
    """Say, as part of the present transaction, that it leaves a chore behind.

    It is done at the next look, seconds later: if it began now it would slow the present answer down, and so tell how
    much there is to do.
    """
    transaction.on_commit(_do_without_thread)


def register_job(chore: Callable[[], bool]) -> None:
    """Do this in the background too."""
    _jobs.append(chore)


def start() -> None:
    """Send in the background as long as the process lives."""
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
    """End that thread, once it is done with what it is at."""
    global _thread
    thread, _thread = _thread, None
    if thread:
        thread.stop()


def drain() -> int:
    """Do what else there is to do and send what is due; returns how many mails left."""
    _delete_sent()
    for chore in _jobs:
        _run_job(chore)
    sent = 0
    while mail := _take():
        sent += _send(mail)
    return sent


def _run_job(chore: Callable[[], bool]) -> None:
    try:
        while chore():
            pass
    except DatabaseError:
        raise
    except Exception:
        # Mails that wait must not wait for it.
        logger.exception("A chore of the outbox failed; it is tried again.")


def _wake() -> None:
    if _thread:
        _thread.wake()
    else:
        drain()


def _do_without_thread() -> None:
    if not _thread:
        drain()


@transaction.atomic
def _take() -> OutgoingMail | None:
    """The mail that is due for longest, which is then this caller's for a while."""
    now = timezone.now()
    due = OutgoingMail.objects.select_related("user").filter(failed_at=None, due_at__lte=now).order_by("due_at")
    mail = due.select_for_update(
        skip_locked=connection.features.has_select_for_update_skip_locked, of=("self",)
    ).first()
    if mail:
        mail.attempts += 1
        mail.due_at = now + LEASE
        mail.save(update_fields=["attempts", "due_at"])
    return mail


def _send(mail: OutgoingMail) -> bool:
    if is_withheld(mail.address):
        logger.warning("Mail %s to user %s was not sent. %s", mail.letter, mail.user_id, WITHHELD_MESSAGE)
    elif mail.user.deleted_at is None:
        try:
            if message := render(mail):
                get_connection().send_messages([message])
        except Exception as error:  # noqa: BLE001 (whatever the mail server or its way does, there is another attempt)
            _reschedule(mail, error)
            return False
    _sent_not_deleted.add(mail.pk)
    _delete_sent()
    return True


def _delete_sent() -> None:
    # Without its thread several may send at once: what others add meanwhile stays theirs.
    if ids := {*_sent_not_deleted}:
        OutgoingMail.objects.filter(pk__in=ids).delete()
        _sent_not_deleted.difference_update(ids)


def _reschedule(mail: OutgoingMail, error: Exception) -> None:
    now = timezone.now()
    mail.last_error = f"{type(error).__name__}: {error}"[:200]
    mail.due_at = now + min(FIRST_RETRY * 2 ** (mail.attempts - 1), MAX_RETRY)
    mail.failed_at = now if now - mail.created_at > MAX_AGE else None
    mail.save(update_fields=["last_error", "due_at", "failed_at"])
    outcome = "given up" if mail.failed_at else f"tried again at {mail.due_at:%H:%M:%S}"
    logger.error("Mail %s to user %s was not sent and is %s. %s", mail.letter, mail.user_id, outcome, mail.last_error)
