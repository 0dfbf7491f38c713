"""Looking sessions up: in this process, else in Redis; the caller asks the database when neither may answer."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as memoize
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.core.cache import cache
from django_redis import get_redis_connection
from prometheus_client import Counter

from accounts.models import Session
from accounts.session_cache import local, snapshots
from accounts.session_cache.keys import (
    INVALIDATING,
    ROLES_VERSION,
    SNAPSHOT_SECONDS,
    VERSION_SECONDS,
    Versions,
    session_key,
    version_key,
)
from accounts.throttling import token_calls
from accounts.throttling.token_calls import CallCounter

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
#: Both versions, the snapshot, and the number of calls, -1 when they weren't counted.
Answer = tuple[bytes | None, bytes | None, bytes | None, int]

LOOKUPS = Counter("session_cache_lookups_total", "Sessions looked for in the cache, by what came of it.", ["outcome"])
HIT, MISS, OFF = (LOOKUPS.labels(outcome) for outcome in ("hit", "miss", "off"))


@dataclass(frozen=True, slots=True)
class CacheResult:
    """A session with its user and grants, if a current snapshot was found.

    `versions` is what to store one under; without it, read the database and store nothing. `calls` is how many were
    counted with this one by all processes, 0 when this one counted it by itself, None when it wasn't counted.
    """

    session: Session | None = None
    versions: Versions | None = None
    calls: int | None = None


def fetch(session_id: UUID, user_id: int, *, is_call: bool = False) -> CacheResult:
    """Look for a session of a user, and count a call with it."""
    if not settings.REDIS_URL or local.breaker.is_open:
        OFF.inc()
        return CacheResult()
    # Only in this order: a snapshot that is looked up before may be invalidated in between.
    if _is_current(time.monotonic()):
        snapshot = local.get(session_id)
        is_usable = snapshot is not None and snapshot.user.pk == user_id and not snapshot.is_outdated
        is_usable = is_usable and not local.bypass_flag.is_raised()
        if snapshot and is_usable and (not is_call or token_calls.count_locally(session_id)):
            HIT.inc()
            return CacheResult(snapshot.copy_session(), snapshot.versions, 0)
    return _fetch_from_redis(session_id, user_id, token_calls.call_counter(session_id) if is_call else None)


def _is_current(now: float) -> bool:
    if local.listener.is_current(now):
        return True
    catch_up()
    return local.listener.is_current(now)


def catch_up() -> None:
    """Process the invalidations that Redis has sent. `fetch` does; a process without requests must now and then."""
    if settings.REDIS_URL and not local.breaker.is_open:
        local.listener.drain([cache.make_key(version_key("")), cache.make_key(ROLES_VERSION)])


def store(session: Session, versions: Versions) -> None:
    """Store a session that was read from the database after `versions` were fetched."""
    local.remove(session.pk)
    try:
        cache.set(session_key(session.pk), snapshots.serialize(session, versions), SNAPSHOT_SECONDS)
    except Exception as error:  # noqa: BLE001 (as below)
        local.trip(error)


def _fetch_from_redis(session_id: UUID, user_id: int, counter: CallCounter | None) -> CacheResult:
    stored = local.get(session_id)
    keys = [version_key(user_id), ROLES_VERSION, session_key(session_id)]
    names = [cache.make_key(key) for key in keys]
    arguments: list[str | int] = ["0" if stored else "1"]
    if counter is not None:
        names.append(counter.name)
        arguments += [counter.amount, counter.seconds]
    changes = local.listener.changes
    try:
        *raw_versions, text, calls = _call_redis(names, arguments)
        snapshot = stored or (snapshots.parse(text, names[0]) if text is not None else None)
        versions = snapshot.versions if snapshot and snapshot.raw_versions == raw_versions else None
        versions = versions or _current_versions(
            keys, [None if raw is None else json.loads(raw) for raw in raw_versions]
        )
    except Exception as error:  # noqa: BLE001 (whatever is wrong with Redis or in it, the database has the answer)
        local.trip(error)
        OFF.inc()
        return CacheResult()
    counted = None if calls < 0 else int(calls)
    if versions is None:
        MISS.inc()
        return CacheResult(calls=counted)
    if snapshot is None or snapshot.versions != versions or snapshot.is_outdated:
        local.remove(session_id)
        MISS.inc()
        return CacheResult(versions=versions, calls=counted)
    if snapshot is not stored:
        local.listener.run_unless_changed(changes, partial(local.put, session_id, snapshot))
    if local.bypass_flag.is_raised():
        OFF.inc()
        return CacheResult(calls=counted)
    HIT.inc()
    return CacheResult(snapshot.copy_session(), versions, counted)


def _call_redis(names: list[str], arguments: list[str | int]) -> Answer:
    return _script()(names, arguments, client=get_redis_connection("default"))


@memoize
def _script() -> Callable[..., Answer]:
    script: Callable[..., Answer] = get_redis_connection("default").register_script(READ_SCRIPT)
    return script


def _current_versions(keys: list[str], versions: list[str | None]) -> Versions | None:
    """The versions in force; missing ones are made. None while one is being changed."""
    for index, version in enumerate(versions):
        if version is None:
            # Only the first of several processes adds its own; all read that one.
            cache.add(keys[index], uuid4().hex, VERSION_SECONDS)
            versions[index] = cache.get(keys[index])
    of_user, of_roles = versions
    if of_user is None or of_roles is None or INVALIDATING in versions:
        return None
    return of_user, of_roles
