"""Sends signed checkpoints where the owner of the database can't change them: to a file, a web address, by e-mail.

A log that is rewritten later, even with the signing key, doesn't match what was sent. Each channel has its own thread
in the audit worker, so that one that hangs delays neither sealing nor the others. A row stores its progress and
which process is sending; if that one dies, another takes over, and at worst something is sent twice.
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

#: After this another process takes over: longer than any attempt lasts.
CLAIM_DURATION = timedelta(minutes=2)
RETRY_SECONDS = 60
READ_TIMEOUT_SECONDS, RESPONSE_TIMEOUT_SECONDS = 5, 10
BATCH_SIZE = 1_000


class AnchorFailed(Exception):
    """A checkpoint could not be sent; the message says why."""


class Channel(ABC):
    name = ""

    @property
    def interval(self) -> timedelta:
        """How long to wait before the next checkpoint is sent."""
        return settings.AUDIT_ANCHOR_INTERVAL

    @abstractmethod
    def send(self, latest: Checkpoint, sent: int) -> int:
        """Send the latest checkpoint, where that of `sent` events was the last; returns the size of the last one sent.

        Raises AnchorFailed, OSError, HTTPException or LedgerCorrupted.
        """


class FileChannel(Channel):
    name = "file"
    interval = timedelta(0)

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, latest: Checkpoint, sent: int) -> int:
        """Append the checkpoints that the file lacks."""
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
        # The first one covers all events before it. The file is created only if nothing was ever sent:
        # otherwise its disk may not be mounted.
        new = list(Checkpoint.objects.filter(size__gt=sent)[:BATCH_SIZE]) if sent else [latest]
        anchor_file.append_notes(self.path, [checkpoint.note for checkpoint in new], create=not sent)
        return new[-1].size if new else latest.size


class WebChannel(Channel):
    """Posts the latest checkpoint to AUDIT_ANCHOR_URL, as plain text. Redirects are not followed."""

    name = "url"

    def send(self, latest: Checkpoint, sent: int) -> int:  # noqa: ARG002 (the latest covers all before)
        """A status other than 2xx is a failure."""
        parts = urlsplit(settings.AUDIT_ANCHOR_URL)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        client = kind(parts.hostname or "", parts.port, timeout=READ_TIMEOUT_SECONDS)
        # The timeout above restarts with every byte.
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
    name = "email"

    def send(self, latest: Checkpoint, sent: int) -> int:  # noqa: ARG002 (the latest covers all before)
        subject = f"Reprotech: audit log sealed, {latest.size} events"
        headers = {"Message-ID": make_message_id()}
        EmailMessage(subject, latest.note, None, settings.AUDIT_ANCHOR_EMAIL, headers=headers).send()
        return latest.size


def channels() -> list[Channel]:
    file = [FileChannel(settings.AUDIT_ANCHOR_FILE)] if settings.AUDIT_ANCHOR_FILE else []
    web = [WebChannel()] if settings.AUDIT_ANCHOR_URL else []
    mail = [MailChannel()] if settings.AUDIT_ANCHOR_EMAIL else []
    return [*file, *web, *mail]


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
    except BaseException as error:
        Anchor.objects.filter(pk=state.pk).update(busy_until=None)
        if isinstance(error, OSError | HTTPException):
            raise AnchorFailed(f"{type(error).__name__}: {error}") from error
        raise
    Anchor.objects.filter(pk=state.pk).update(size=sent, sent_at=now, busy_until=None)
    return sent


def start() -> None:
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
    """Reserve sending for this process; False when another one is sending, or has just sent."""
    now = timezone.now()
    is_free = Q(busy_until=None) | Q(busy_until__lte=now)
    unchanged = Anchor.objects.filter(is_free, pk=state.pk, size=state.size)
    return unchanged.update(busy_until=now + CLAIM_DURATION) == 1


def _hang_up(client: HTTPConnection) -> None:
    if client.sock:
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)
