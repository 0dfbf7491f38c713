"""Sends signed checkpoints out of reach of whoever owns the database: to a file, a web address, by mail.

Whoever then rewrites the log, even with the signing key, can't make it fit what has left. Each way has a thread of
its own in the audit worker, so that one that hangs delays neither sealing nor the others. A row tells how far each way
has come, and which process is at it; if that one dies, another takes over, and at worst something is sent twice.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.utils import timezone

from audit.models import Anchor, Checkpoint
from audit.sealing import anchor_file
from audit.sealing.sealer import LedgerCorrupted, latest_checkpoint, require_stored
from reprotech.core.background import PeriodicThread
from reprotech.core.message_ids import make_message_id

#: After which another process takes over: longer than any attempt lasts.
CLAIM_DURATION = timedelta(minutes=2)
#: Seconds between attempts while a way fails.
RETRY_SECONDS = 60
#: Seconds that a web address may be silent, and that its whole answer may take.
READ_TIMEOUT_SECONDS, RESPONSE_TIMEOUT_SECONDS = 5, 10
#: Checkpoints that are appended at once.
BATCH_SIZE = 1_000


class AnchorFailed(Exception):
    """A checkpoint could not be sent; the message says why."""


class Channel(ABC):
    """One way out."""

    name = ""
    #: How long to wait before the next checkpoint is sent.
    interval = timedelta(0)

    @abstractmethod
    def send(self, latest: Checkpoint, sent: int) -> int:
        """Send the latest checkpoint after that of `sent` events; returns the size of the last that was sent.

        Raises AnchorFailed, OSError, HTTPException or LedgerCorrupted.
        """


class FileChannel(Channel):
    """Appends each checkpoint to AUDIT_ANCHOR_FILE."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, latest: Checkpoint, sent: int) -> int:
        """Append what the file lacks. It is made only if nothing was ever appended: a disk may not be mounted."""
        try:
            note = anchor_file.last_note(self.path)
        except FileNotFoundError:
            if sent:
                raise AnchorFailed(
                    f"{self.path} is gone. Mount its disk or, to begin a new file, make an empty one of this name."
                ) from None
            note = None
        if note:
            require_stored(note)
            sent = Checkpoint(note=note).statement.size
        # The first one covers all events before it.
        new = list(Checkpoint.objects.filter(size__gt=sent)[:BATCH_SIZE]) if sent else [latest]
        anchor_file.append_notes(self.path, [checkpoint.note for checkpoint in new], create=not sent)
        return new[-1].size if new else latest.size


class WebChannel(Channel):
    """Posts the latest checkpoint to AUDIT_ANCHOR_URL, as plain text. Redirects are not followed."""

    name = "url"

    @property
    def interval(self) -> timedelta:  # type: ignore[override]
        """As set."""
        return settings.AUDIT_ANCHOR_INTERVAL

    def send(self, latest: Checkpoint, sent: int) -> int:  # noqa: ARG002 (the latest covers all before)
        """Post; any answer but 2xx is a failure."""
        parts = urlsplit(settings.AUDIT_ANCHOR_URL)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        client = kind(parts.hostname or "", parts.port, timeout=READ_TIMEOUT_SECONDS)
        # The timeout above begins anew with every byte.
        deadline = Timer(RESPONSE_TIMEOUT_SECONDS, _hang_up, [client])
        deadline.start()
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            client.request("POST", target, latest.note.encode(), {"Content-Type": "text/plain; charset=utf-8"})
            status = client.getresponse().status
        finally:
            deadline.cancel()
            client.close()
        if status not in range(200, 300):
            raise AnchorFailed(f"{parts.hostname} answered {status}.")
        return latest.size


class MailChannel(Channel):
    """Mails the latest checkpoint to AUDIT_ANCHOR_EMAIL."""

    name = "email"

    @property
    def interval(self) -> timedelta:  # type: ignore[override]
        """As set."""
        return settings.AUDIT_ANCHOR_INTERVAL

    def send(self, latest: Checkpoint, sent: int) -> int:  # noqa: ARG002 (the latest covers all before)
        """Mail it."""
        subject = f"Reprotech: audit log sealed, {latest.size} events"
        headers = {"Message-ID": make_message_id()}
        EmailMessage(subject, latest.note, None, settings.AUDIT_ANCHOR_EMAIL, headers=headers).send()
        return latest.size


def channels() -> list[Channel]:
    """The ways that settings name."""
    found: list[Channel] = []
    if settings.AUDIT_ANCHOR_FILE:
        found.append(FileChannel(settings.AUDIT_ANCHOR_FILE))
    if settings.AUDIT_ANCHOR_URL:
        found.append(WebChannel())
    if settings.AUDIT_ANCHOR_EMAIL:
        found.append(MailChannel())
    return found


def anchored_notes() -> Iterator[str]:
    """The checkpoints in the anchor file, the oldest first; none without such a file. Raises OSError."""
    if settings.AUDIT_ANCHOR_FILE:
        yield from anchor_file.read_notes(settings.AUDIT_ANCHOR_FILE)


def anchor(channel: Channel, *, at_once: bool = False) -> int:
    """Send what is due, or with `at_once` what is new; returns the size of the checkpoint, 0 when nothing was sent.

    Raises AnchorFailed, or LedgerCorrupted when what was sent before is not in the database.
    """
    latest = latest_checkpoint()
    if latest is None:
        return 0
    state, _ = Anchor.objects.get_or_create(channel=channel.name)
    now = timezone.now()
    is_due = at_once or state.sent_at is None or now - state.sent_at >= channel.interval
    if state.size == latest.size or not is_due or not _claim(state):
        return 0
    try:
        sent = channel.send(latest, state.size)
    except (OSError, HTTPException) as error:
        _release(state)
        raise AnchorFailed(f"{type(error).__name__}: {error}") from error
    except BaseException:
        _release(state)
        raise
    Anchor.objects.filter(pk=state.pk).update(size=sent, sent_at=now, busy_until=None)
    return sent


def start() -> None:
    """Keep sending in the background, as long as the process lives."""
    if settings.AUDIT_SEAL_SECONDS:
        for channel in channels():
            anchoring_thread(channel).start()


def anchoring_thread(channel: Channel) -> PeriodicThread:
    return PeriodicThread(
        f"audit-anchor-{channel.name}",
        partial(anchor, channel),
        settings.AUDIT_SEAL_SECONDS,
        problem=f"Checkpoints can't be anchored at the moment ({channel.name}).",
        recovered=f"Checkpoints are anchored again ({channel.name}).",
        retry_interval=RETRY_SECONDS,
        fatal=(LedgerCorrupted,),
        expected=(AnchorFailed,),
    )


def _claim(state: Anchor) -> bool:
    """Have it to ourselves; False when another process is at it, or has just been."""
    now = timezone.now()
    is_free = Q(busy_until=None) | Q(busy_until__lte=now)
    unchanged = Anchor.objects.filter(is_free, pk=state.pk, size=state.size)
    return unchanged.update(busy_until=now + CLAIM_DURATION) == 1


def _release(state: Anchor) -> None:
    Anchor.objects.filter(pk=state.pk).update(busy_until=None)


def _hang_up(client: HTTPConnection) -> None:
    if client.sock:
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)
