"""Puts on record what a start of the server changed: once, however many workers and servers start.

Each server is compared with its own last start, by its name (INSTANCE), so that servers whose settings differ for good
don't make an event each time that one of them starts. A server that is new is compared with the last recorded change.
What another server put on record since this one's last start, as in a rolling restart, isn't put on record again.
"""

import logging
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit.models import Action, AuditLog, ServerConfiguration
from audit.services import record
from reprotech.core.actors import System
from reprotech.settings_history.differences import Pairs, changes_since, first_values
from reprotech.settings_history.history import Change
from reprotech.settings_history.snapshot import CodeKey, Snapshot, code_keys

logger = logging.getLogger(__name__)

#: Arbitrary, and used for no other advisory lock of this database.
ADVISORY_LOCK_ID = 7_203_114_402
#: While the database is away, or has no tables yet.
RETRY_SECONDS = 30
#: Of one name, kept to recognize their processes.
MAX_STARTS = 50
#: After which a server that wasn't started again is forgotten: containers have a new name each time.
FORGET_AFTER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Start:
    """A start of a server: its name, and what tells this start from others. No clock does: it may be set back."""

    instance: str
    id: str
    at: datetime


def start() -> None:
    """In a thread, so that no answer waits for it."""
    Thread(target=_record_until_done, name="settings-history", daemon=True).start()


def _record_until_done() -> None:
    now, complaint = Snapshot.take(), ""
    _log_start(now)
    this = Start(settings.INSTANCE, settings.ENV.start_id, settings.ENV.read_at)
    while True:
        try:
            record_start(now, this)
        except Exception as error:  # noqa: BLE001 (an outage words its errors in many ways; it is tried again)
            if (kind := type(error).__name__) != complaint:
                logger.warning("The settings of this start can't be put on record at the moment. %s: %s", kind, error)
            complaint = kind
        else:
            return
        finally:
            connection.close()
        time.sleep(RETRY_SECONDS)


def _log_start(now: Snapshot) -> None:
    """One line for each process, also for one that takes the place of another."""
    fields = {"version": now.values["version"], "build": now.values["build"], "settings": now.fingerprint}
    said = "Reprotech %(version)s started, build %(build)s, settings %(settings)s, process %(number)s."
    logger.info(said, {**fields, "number": os.getpid()}, extra=fields)


@transaction.atomic
def record_start(now: Snapshot, this: Start) -> AuditLog | None:
    """Record what this start changed; None if nothing is new."""
    _lock()
    own = ServerConfiguration.objects.filter(pk=this.instance).first()
    if own and this.id in own.state.get("starts", ()):
        return None  # another worker did, of this start or of an older one next to a new one of the same name
    latest = own or ServerConfiguration.objects.first()
    keys = code_keys()
    changes = changes_since(latest.state, now, keys) if latest else first_values(now)
    if latest and not changes:
        _store(now, keys, this, own, change=Change(latest.changed_at, latest.event_id), previous=latest)
        return None
    digest = _digest(now, keys)
    if own and (same := _recorded_elsewhere(own, digest)):
        _store(now, keys, this, own, change=Change(same.changed_at, same.event_id), previous=same)
        return None
    event = _record(now, this, changes, is_first=latest is None)
    _store(now, keys, this, own, change=Change(event.timestamp, event.pk), previous=latest, changes=changes)
    ServerConfiguration.objects.filter(started_at__lt=timezone.now() - FORGET_AFTER).exclude(pk=this.instance).delete()
    return event


def _lock() -> None:
    """Wait for other starts; SQLite's transactions do that by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])


def _recorded_elsewhere(own: ServerConfiguration, digest: str) -> ServerConfiguration | None:
    """A server with the same change since this one's last start."""
    since = ServerConfiguration.objects.filter(changed_at__gt=own.started_at)
    return since.filter(previous_digest=own.digest, digest=digest).first()


def _record(now: Snapshot, this: Start, changes: Pairs, *, is_first: bool) -> AuditLog:
    logger.info("This start changed %s.", ", ".join(changes))
    return record(
        actor=System(),
        action=Action.CREATE if is_first else Action.UPDATE,
        resource="settings",
        resource_name=this.instance,
        changes=changes,
        version=now.values["version"],
        build=now.values["build"],
        fingerprint=now.fingerprint,
    )


def _store(
    now: Snapshot,
    keys: list[CodeKey],
    this: Start,
    own: ServerConfiguration | None,
    *,
    change: Change,
    previous: ServerConfiguration | None,
    changes: Pairs | None = None,
) -> None:
    known: dict[str, Any] = previous.state["since"] if previous else {}
    stored_change = [change.at.isoformat(), change.event]
    starts = [*(own.state.get("starts", ()) if own else ()), this.id]
    state: dict[str, Any] = {
        "values": now.values,
        "packages": now.packages,
        "key": keys[0].name if keys else "",
        "codes": now.codes(keys[0] if keys else None),
        # Since when each value is in force; the first start doesn't know.
        "since": known | (dict.fromkeys(changes or (), stored_change) if previous else {}),
        "began": previous.state["began"] if previous else stored_change,
        "fingerprint": now.fingerprint,
        "starts": starts[-MAX_STARTS:],
    }
    values = {
        "state": state,
        "digest": _digest(now, keys),
        "previous_digest": "" if previous is None else previous.digest if changes else previous.previous_digest,
        "started_at": this.at,
        "changed_at": change.at,
        "event_id": change.event,
    }
    ServerConfiguration.objects.update_or_create(pk=this.instance, defaults=values)


def _digest(now: Snapshot, keys: list[CodeKey]) -> str:
    key = keys[0] if keys else CodeKey("")
    parts = [now.values, now.packages, now.codes(keys[0] if keys else None), key.name]
    return key.code("digest", repr(parts))
