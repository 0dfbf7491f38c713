"""All that this process remembers of the session cache; docs/adr/0003-session-cache.md says what makes it void."""

import time
from uuid import UUID

from django.core.cache import cache

from accounts.session_cache.bypass_flag import BypassFlag
from accounts.session_cache.invalidation_listener import ChangedKeys, InvalidationListener
from accounts.session_cache.keys import ROLES_VERSION, SNAPSHOT_SECONDS
from accounts.session_cache.snapshots import Snapshot
from reprotech.core.circuit_breaker import CircuitBreaker

#: How long a snapshot is used after it was read. With SNAPSHOT_SECONDS, the longest that one is used at all.
LOCAL_SECONDS = 20
#: Of some 3 KB each.
MAX_SNAPSHOTS = 2_000

bypass_flag = BypassFlag()
#: Open while Redis can't be reached from here.
breaker = CircuitBreaker("The session cache", seconds=SNAPSHOT_SECONDS)
#: With the end of its use, by `time.monotonic()`.
_snapshots: dict[UUID, tuple[float, Snapshot]] = {}


def get(session_id: UUID) -> Snapshot | None:
    until, snapshot = _snapshots.get(session_id, (0.0, None))
    return snapshot if until > time.monotonic() else None


def put(session_id: UUID, snapshot: Snapshot) -> None:
    if len(_snapshots) >= MAX_SNAPSHOTS:
        # All at once: each is still in Redis, and tracking which was used last would need a lock.
        _snapshots.clear()
    _snapshots[session_id] = (time.monotonic() + LOCAL_SECONDS, snapshot)


def remove(session_id: UUID) -> None:
    _snapshots.pop(session_id, None)


def trip(error: Exception) -> None:
    # Without Redis no report arrives of a change that would remove them.
    breaker.trip(error)
    _snapshots.clear()


def reset() -> None:
    """Forget everything, as a process that has just started."""
    bypass_flag.reset()
    breaker.reset()
    listener.close()
    _snapshots.clear()


def _invalidate(changed: ChangedKeys) -> None:
    if changed is None or cache.make_key(ROLES_VERSION).encode() in changed:
        _snapshots.clear()
        return
    for session_id, (_, snapshot) in list(_snapshots.items()):
        if snapshot.version_key in changed:
            remove(session_id)


listener = InvalidationListener(_invalidate)
