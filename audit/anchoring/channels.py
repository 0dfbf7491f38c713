"""Sends signed checkpoints where the owner of the database can't change them: to a file, a web address, by e-mail.

A log that is rewritten later, even with the signing key, doesn't match what was sent. Each channel has its own thread
in the audit worker, so that one that hangs delays neither sealing nor the others. A row stores its progress and
which process is sending; if that one dies, another takes over, and at worst something is sent twice.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Timer
from typing import cast
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


def send_to_file(latest: Checkpoint, sent: int) -> int:
    """Append the checkpoints that the file lacks."""
    path = cast("Path", settings.AUDIT_ANCHOR_FILE)
    try:
        note = anchor_file.last_note(path)
    except FileNotFoundError:
        if sent:
            raise AnchorFailed(
                f"{path} is gone. Mount its disk or, to begin a new file, make an empty one of this name."
            ) from None
        note = None
    if note:
        require_stored(note)
        sent = Checkpoint(note=note).statement.size
    # The first one covers all events before it. The file is created only if nothing was ever sent:
    # otherwise its disk may not be mounted.
    new = list(Checkpoint.objects.filter(size__gt=sent)[:BATCH_SIZE]) if sent else [latest]
    anchor_file.append_notes(path, [checkpoint.note for checkpoint in new], create=not sent)
    return new[-1].size if new else latest.size


def send_to_url(latest: Checkpoint, _sent: int) -> int:
    """Post it as plain text. Redirects are not followed; a status other than 2xx is a failure."""
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


def send_by_mail(latest: Checkpoint, _sent: int) -> int:
    subject = f"Reprotech: audit log sealed, {latest.size} events"
    headers = {"Message-ID": make_message_id()}
    EmailMessage(subject, latest.note, None, settings.AUDIT_ANCHOR_EMAIL, headers=headers).send()
    return latest.size


#: By channel: its setting, and a function that sends the latest checkpoint, where that of `sent` events was the last,
#: and returns the size of the last one sent. It raises AnchorFailed, OSError, HTTPException or LedgerCorrupted.
CHANNELS: dict[str, tuple[str, Callable[[Checkpoint, int], int]]] = {
    "file": ("AUDIT_ANCHOR_FILE", send_to_file),
    "url": ("AUDIT_ANCHOR_URL", send_to_url),
    "email": ("AUDIT_ANCHOR_EMAIL", send_by_mail),
}


def configured_channels() -> list[str]:
    return [channel for channel, (setting, _) in CHANNELS.items() if getattr(settings, setting)]


def anchored_notes() -> Iterator[str]:
    """The checkpoints in the anchor file, the oldest first; none without such a file. Raises OSError."""
    if settings.AUDIT_ANCHOR_FILE:
        yield from anchor_file.read_notes(settings.AUDIT_ANCHOR_FILE)


def anchor(channel: str, *, at_once: bool = False) -> int:
    """Send what is due, or with `at_once` what is new; returns the size of the checkpoint, 0 when nothing was sent.

    Raises AnchorFailed, or LedgerCorrupted when what was sent before is not in the database.
    """
    latest = latest_checkpoint()
    if latest is None:
        return 0
    state, _ = Anchor.objects.get_or_create(channel=channel)
    now = timezone.now()
    interval = timedelta(0) if channel == "file" else settings.AUDIT_ANCHOR_INTERVAL
    is_due = at_once or state.sent_at is None or now - state.sent_at >= interval
    if state.size == latest.size or not is_due or not _claim(state):
        return 0
    try:
        sent = CHANNELS[channel][1](latest, state.size)
    except BaseException as error:
        Anchor.objects.filter(pk=state.pk).update(busy_until=None)
        if isinstance(error, OSError | HTTPException):
            raise AnchorFailed(f"{type(error).__name__}: {error}") from error
        raise
    Anchor.objects.filter(pk=state.pk).update(size=sent, sent_at=now, busy_until=None)
    return sent


def start() -> None:
    if settings.AUDIT_SEAL_SECONDS:
        for channel in configured_channels():
            anchoring_thread(channel).start()


def anchoring_thread(channel: str) -> PeriodicThread:
    return PeriodicThread(
        f"audit-anchor-{channel}",
        partial(anchor, channel),
        settings.AUDIT_SEAL_SECONDS,
        problem=f"Checkpoints can't be anchored at the moment ({channel}).",
        recovered=f"Checkpoints are anchored again ({channel}).",
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
