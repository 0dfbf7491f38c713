"""Live sessions in a cache that all processes share, with exact invalidation.

Stored in Redis:
- `session-<id>`: a snapshot, as JSON, of a session, its user, and the names of roles and permissions, for 30 seconds.
  It holds no secret, and is stamped with the two versions below as they were before its rows were read.
- `user-version-<id>` and `roles-version`: random values, for a day. They replace a snapshot's rows: a snapshot is valid
  while it bears both present values.

Stored in each process: the snapshots that it used last, for 20 seconds.

Who may answer a request:
1. The process, while its invalidation listener has heard from Redis within the last second and no newer version.
2. Redis, in one round trip that also counts the call, if the snapshot's stamp is what both versions are.
3. The database, always. What it answers is stored under the versions that were read before.
1 and 2 only while the bypass flag isn't raised; a process reads that from the database once a second.

A change, in this order:
1. Within its transaction it sets the versions that it concerns to "changing". Nobody uses or stores a snapshot then.
2. It commits.
3. It gives these versions new random values. Only then is the caller answered.
All changes through the ORM do so, in services and outside of them: `accounts.tracked_models` says which, and the tests'
plugin compares it with what services changed. What doesn't is listed in docs/adr/0003-session-cache.md.

Races: who read rows before a commit stores them under the old version, which nobody asks for again. Of two changes of a
user each gives a new version after its own commit; the earlier may end the mark of the later, whose new version makes
void what was stored in between. A process that dies after step 1 leaves the mark, which lasts longer (120 seconds) than
any snapshot (50); so does a transaction that was rolled back.

While Redis fails, and for 30 seconds after the last failure, a process asks the database. If step 3 fails, other
processes may still reach Redis: the bypass flag is raised in the database, for two minutes, and the caller is answered
1.2 seconds later, when every process must have read it. Without `REDIS_URL` nothing is cached.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache as memoize
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import models, transaction
from django.db.models.base import ModelState
from django_redis import get_redis_connection
from prometheus_client import Counter

from accounts.models import Session, User
from accounts.models.grants import Grants
from accounts.session_cache import bypass_flag
from accounts.session_cache.invalidation_listener import ChangedKeys, InvalidationListener
from accounts.throttling import rate_limits
from reprotech.core.circuit_breaker import CircuitBreaker

#: How long a snapshot lives. Longer would save little: each costs one query.
SNAPSHOT_SECONDS = 30
#: How long a process relies on one that it has read; with the above, the longest that a snapshot is used.
LOCAL_SECONDS = 20
#: Snapshots that a process keeps, of some 3 KB each.
MAX_LOCAL_SNAPSHOTS = 2_000
#: How long a mark lives: longer than a snapshot plus the longest transaction.
MARKER_SECONDS = 120
VERSION_SECONDS = 86_400
INVALIDATING = "changing"
ROLES_VERSION = "roles-version"

#: More users whose sessions change at once are announced as a change of roles, which makes every snapshot void.
MAX_USERS = 1_000

#: Columns that no snapshot has, so that their changes needn't be announced: secrets, since whoever reads Redis reads
#: snapshots, and what only the database is asked for.
NOT_CACHED = frozenset({"password", "search_text", "link_number", "refresh_hash", "spent_refresh_hashes"})

#: Reads two versions and, where asked for, a snapshot; counts calls, in a window that begins with the first.
READ_SCRIPT = """
local versions = redis.call('MGET', KEYS[1], KEYS[2])
local snapshot = ARGV[1] == '1' and redis.call('GET', KEYS[3])
local calls = -1
if KEYS[4] then
    calls = redis.call('INCRBY', KEYS[4], ARGV[2])
    if calls == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[4], ARGV[3]) end
end
return {versions[1], versions[2], snapshot, calls}
"""

Versions = tuple[str, str]
Row = TypeVar("Row", bound=models.Model)

LOOKUPS = Counter("session_cache_lookups_total", "Sessions looked for in the cache, by what came of it.", ["outcome"])
HIT, MISS, OFF = (LOOKUPS.labels(outcome) for outcome in ("hit", "miss", "off"))

_outage = CircuitBreaker("The session cache", seconds=SNAPSHOT_SECONDS)


@dataclass(frozen=True, slots=True)
class CacheResult:
    """What the cache told: a session with its user and grants, if a good snapshot is there.

    `stamp` is what to store one under; without it, read the database and store nothing. `calls` is how many were
    counted with this one by all processes, 0 when this one counted it by itself, None when nobody did.
    """

    session: Session | None = None
    stamp: Versions | None = None
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class LocalSnapshot:
    """A snapshot that this process has read, until when by `time.monotonic()`."""

    until: float
    stamp: Versions
    #: The same as it stands in Redis, and under which name the first does.
    versions: list[bytes]
    version_name: bytes
    session: Session
    user: User


_kept: dict[UUID, LocalSnapshot] = {}


def fetch(session_id: UUID, user_id: int, *, is_call: bool = False) -> CacheResult:
    """Look for a session of a user, and count a call with it."""
    if not settings.REDIS_URL or _outage.is_open:
        OFF.inc()
        return CacheResult()
    now = time.monotonic()
    if not _listener.are_complete(now):
        catch_up()
    if _listener.are_complete(now):
        kept = _kept.get(session_id)
        is_good = kept is not None and kept.until > now and kept.user.pk == user_id and not bypass_flag.is_raised()
        if kept and is_good and (not is_call or rate_limits.count_locally(session_id)):
            HIT.inc()
            return CacheResult(_session_of(kept), kept.stamp, 0)
    return _ask(session_id, user_id, rate_limits.call_counter(session_id) if is_call else None)


def catch_up() -> None:
    """Read what Redis tells of changes. Whoever asks for sessions does so; who isn't asked must now and then."""
    if settings.REDIS_URL and not _outage.is_open:
        _listener.catch_up(_watched())


def _ask(session_id: UUID, user_id: int, counter: rate_limits.CallCounter | None) -> CacheResult:
    kept = _kept.get(session_id)
    if kept is not None and kept.until < time.monotonic():
        kept = None
    keys = [_version_key(user_id), ROLES_VERSION, _session_key(session_id)]
    names = [_prefix() + key for key in keys]
    arguments: list[str | int] = ["0" if kept else "1"]
    if counter is not None:
        names.append(counter.name)
        arguments += [counter.amount, counter.seconds]
    heard = _listener.count
    try:
        *versions, text, calls = _call_redis(names, arguments)
        snapshot = kept or _read(text, names[0])
        if snapshot and snapshot.versions == versions:
            stamp: Versions | None = snapshot.stamp
        else:
            stamp = _stamp(keys, [version and json.loads(version) for version in versions])
    except Exception as error:  # noqa: BLE001 (whatever is wrong with Redis or in it, the database has the answer)
        _begin_outage(error)
        OFF.inc()
        return CacheResult()
    counted = None if calls < 0 else int(calls)
    if stamp is None:
        MISS.inc()
        return CacheResult(calls=counted)
    if snapshot is None or snapshot.stamp != stamp:
        _kept.pop(session_id, None)
        MISS.inc()
        return CacheResult(stamp=stamp, calls=counted)
    if snapshot is not kept:
        _listener.keep(heard, lambda: _keep(session_id, snapshot))
    if bypass_flag.is_raised():
        OFF.inc()
        return CacheResult(calls=counted)
    HIT.inc()
    return CacheResult(_session_of(snapshot), stamp, counted)


@memoize
def _script() -> Any:
    return get_redis_connection("default").register_script(READ_SCRIPT)


def _call_redis(names: list[str], arguments: list[str | int]) -> list[Any]:
    answer: list[Any] = _script()(names, arguments, client=get_redis_connection("default"))
    return answer


def _begin_outage(error: Exception) -> None:
    _outage.trip(error)
    _kept.clear()


def store(session: Session, stamp: Versions) -> None:
    """Keep a session that was read after `stamp` was fetched."""
    snapshot = {
        "stamp": stamp,
        "session": _to_dict(session),
        "user": _to_dict(session.user),
        "role_names": session.user.grants.role_names,
        "role_slugs": session.user.grants.role_slugs,
        "permissions": sorted(session.user.grants.permissions),
    }
    _kept.pop(session.pk, None)
    try:
        cache.set(_session_key(session.pk), snapshot, SNAPSHOT_SECONDS)
    except Exception as error:  # noqa: BLE001 (as above)
        _begin_outage(error)


def invalidate_users(user_ids: Iterable[int]) -> None:
    """Announce, inside the transaction and before its end, that users, their grants or sessions change.

    `accounts.tracked_models` does, for whatever changes them.
    """
    ids = set(user_ids)
    _invalidate({_version_key(user_id) for user_id in ids} if len(ids) <= MAX_USERS else {ROLES_VERSION})


def invalidate_roles() -> None:
    """Announce in the same way that roles or their permissions change."""
    _invalidate({ROLES_VERSION})


def reset() -> None:
    """Try Redis again at once, as a process that has just started does."""
    _outage.reset()
    _listener.close()
    _kept.clear()
    _prefix.cache_clear()
    _watched.cache_clear()
    bypass_flag.reset()


class _Publication:
    """Gives versions that a transaction marked as changing new values, after its commit."""

    def __init__(self, keys: set[str]) -> None:
        self.keys = keys

    def __call__(self) -> None:
        if not _set_all(self.keys, uuid4().hex, VERSION_SECONDS):
            bypass_flag.raise_flag()


def _invalidate(keys: set[str]) -> None:
    if not settings.REDIS_URL:
        return
    publication = _pending_publication()
    marked = publication.keys if publication else set()
    if new := keys - marked:
        _set_all(new, INVALIDATING, MARKER_SECONDS)
        if publication:
            publication.keys |= new
        else:
            transaction.on_commit(_Publication(new))


def _pending_publication() -> _Publication | None:
    """One that follows the present transaction.

    Django drops it when a savepoint around it is rolled back; each that is open around it is around the present change
    too. No documented way tells what is pending.
    """
    callbacks = (callback for _, callback, _ in transaction.get_connection().run_on_commit)
    return next((callback for callback in callbacks if isinstance(callback, _Publication)), None)


def _set_all(keys: Iterable[str], value: str, seconds: int) -> bool:
    # Tried even during an outage: it may be over for the processes that read.
    try:
        cache.set_many(dict.fromkeys(keys, value), seconds)
    except Exception as error:  # noqa: BLE001 (as above)
        _begin_outage(error)
        return False
    return True


def _stamp(keys: list[str], versions: list[Any]) -> Versions | None:
    """The versions in force; missing ones are made. None while one is changing."""
    for place, version in enumerate(versions):
        if version is None:
            cache.add(keys[place], uuid4().hex, VERSION_SECONDS)
            versions[place] = cache.get(keys[place])
    if INVALIDATING in versions or None in versions:
        return None
    return versions[0], versions[1]


@lru_cache(maxsize=1)
def _prefix() -> str:
    """What the cache puts before each key, which never changes."""
    prefix: str = cache.make_key("")
    return prefix


@lru_cache(maxsize=1)
def _watched() -> list[str]:
    """With what the names of all versions begin."""
    return [_prefix() + _version_key(""), _prefix() + ROLES_VERSION]


def _session_key(session_id: UUID) -> str:
    return f"session-{session_id}"


def _version_key(user_id: int | str) -> str:
    return f"user-version-{user_id}"


def _to_dict(row: models.Model) -> dict[str, str | None]:
    return {
        field.attname: None if getattr(row, field.attname) is None else field.value_to_string(row)
        for field in row._meta.concrete_fields
        if field.name not in NOT_CACHED
    }


def _read(text: bytes | None, version_name: str) -> LocalSnapshot | None:
    """What a snapshot's text says."""
    if text is None:
        return None
    snapshot = json.loads(text)
    user = _row_of(User, snapshot["user"])
    user.grants = Grants(
        role_names=tuple(snapshot["role_names"]),
        role_slugs=tuple(snapshot["role_slugs"]),
        permissions=frozenset(snapshot["permissions"]),
    )
    stamp = tuple(snapshot["stamp"])
    return LocalSnapshot(
        until=time.monotonic() + LOCAL_SECONDS,
        stamp=stamp,
        versions=[json.dumps(version).encode() for version in stamp],
        version_name=version_name.encode(),
        session=_row_of(Session, snapshot["session"]),
        user=user,
    )


def _keep(session_id: UUID, snapshot: LocalSnapshot) -> None:
    if len(_kept) >= MAX_LOCAL_SNAPSHOTS:
        _kept.clear()
    _kept[session_id] = snapshot


def _forget(changed: ChangedKeys) -> None:
    """Forget what is kept of users whose versions changed."""
    if changed is None or (_prefix() + ROLES_VERSION).encode() in changed:
        _kept.clear()
        return
    for session_id, kept in list(_kept.items()):
        if kept.version_name in changed:
            _kept.pop(session_id, None)


_listener = InvalidationListener(_forget)


def _row_of(model: type[Row], values: Mapping[str, str | None]) -> Row:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return model.from_db(
        "default",
        list(values),
        [None if value is None else fields[name].to_python(value) for name, value in values.items()],
    )


def _session_of(kept: LocalSnapshot) -> Session:
    """Objects of the request's own: whoever changes them changes nobody else's."""
    session = _copy(kept.session)
    session.user = _copy(kept.user)
    return session


def _copy(row: Row) -> Row:
    """A second object of a row, without reading its fields once more.

    `copy.copy` pickles a model, which takes five times as long. Django documents `_state` and its two values.
    """
    copy = object.__new__(type(row))
    copy.__dict__.update(row.__dict__)
    copy._state = ModelState()
    copy._state.db, copy._state.adding = row._state.db, row._state.adding
    return copy
