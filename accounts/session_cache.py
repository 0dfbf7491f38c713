"""Live sessions in the shared cache, with exact invalidation.

A request with a token or a page cookie needs its session, user, roles and permissions. They are kept as a
snapshot in Redis, stamped with two versions: the user's and that of all roles. A change marks the versions
as changing before it commits, which keeps every process from using or storing snapshots, and gives them new
values after it has committed. A process that dies in between leaves the mark, which outlives every snapshot.

Without Redis there is no cache that all processes share, so nothing is cached. While Redis fails, and for as
long as an older snapshot could survive, the database answers. Other processes may find Redis well all the while:
`accounts.doubt` tells them of a change that couldn't be announced.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import models, transaction

from accounts import doubt
from accounts.grants import Grants
from accounts.models import Session, User
from accounts.outage import Outage

#: How long a snapshot lives. Longer would save little: each costs one query.
SNAPSHOT_SECONDS = 30
#: How long a mark lives: longer than a snapshot plus the longest transaction.
MARK_SECONDS = 120
VERSION_SECONDS = 86_400
CHANGING = "changing"
ROLES_VERSION = "roles-version"

#: Never cached: a snapshot in Redis is readable to whoever reads Redis.
SECRET_FIELDS = {"password", "search_text", "refresh_hash", "spent_refresh_hashes"}

Stamp = tuple[str, str]
Row = TypeVar("Row", bound=models.Model)

_outage = Outage("The session cache", seconds=SNAPSHOT_SECONDS)


def fetch(session_id: UUID, user_id: int) -> tuple[Session | None, Stamp | None]:
    """The session with its user and grants, if a good snapshot is there, and the stamp to store one under.

    Without a stamp, read the database and store nothing.
    """
    if not settings.REDIS_URL or _outage.is_on:
        return None, None
    try:
        found = cache.get_many([_session_key(session_id), _version_key(user_id), ROLES_VERSION])
        stamp = _stamp(found, user_id)
    except Exception as error:  # noqa: BLE001 (whatever the client raises, the database has the answer)
        _outage.begin(error)
        return None, None
    snapshot = found.get(_session_key(session_id))
    if stamp is None or snapshot is None or tuple(snapshot["stamp"]) != stamp:
        return None, stamp
    return (None, None) if doubt.is_there() else (_from_snapshot(snapshot), stamp)


def store(session: Session, stamp: Stamp) -> None:
    """Keep a session that was read after `stamp` was fetched."""
    snapshot = {
        "stamp": stamp,
        "session": _to_dict(session),
        "user": _to_dict(session.user),
        "role_names": session.user.grants.role_names,
        "role_slugs": session.user.grants.role_slugs,
        "permissions": sorted(session.user.grants.permissions),
    }
    try:
        cache.set(_session_key(session.pk), snapshot, SNAPSHOT_SECONDS)
    except Exception as error:  # noqa: BLE001 (as above)
        _outage.begin(error)


def users_change(user_ids: Iterable[int]) -> None:
    """Announce, inside the transaction and before its end, that users, their grants or sessions change."""
    _announce([_version_key(user_id) for user_id in user_ids])


def roles_change() -> None:
    """Announce, inside the transaction and before its end, that roles or their permissions change."""
    _announce([ROLES_VERSION])


def forget_outage() -> None:
    """Try Redis again at once."""
    _outage.end()
    doubt.forget()


def _announce(keys: list[str]) -> None:
    if not settings.REDIS_URL:
        return
    _set_all(keys, CHANGING, MARK_SECONDS)
    transaction.on_commit(lambda: _make_known(keys))


def _make_known(keys: list[str]) -> None:
    if not _set_all(keys, uuid4().hex, VERSION_SECONDS):
        doubt.spread()


def _set_all(keys: list[str], value: str, seconds: int) -> bool:
    # Tried even during an outage: it may be over for the processes that read.
    try:
        cache.set_many(dict.fromkeys(keys, value), seconds)
    except Exception as error:  # noqa: BLE001 (as above)
        _outage.begin(error)
        return False
    return True


def _stamp(found: Mapping[str, Any], user_id: int) -> Stamp | None:
    """The versions in force; missing ones are made. None while one is changing."""
    versions = []
    for key in (_version_key(user_id), ROLES_VERSION):
        version = found.get(key)
        if version is None:
            cache.add(key, uuid4().hex, VERSION_SECONDS)
            version = cache.get(key)
        versions.append(version)
    user_version, roles_version = versions
    if CHANGING in versions or None in versions:
        return None
    return user_version, roles_version


def _session_key(session_id: UUID) -> str:
    return f"session-{session_id}"


def _version_key(user_id: int) -> str:
    return f"user-version-{user_id}"


def _to_dict(row: models.Model) -> dict[str, str | None]:
    return {
        field.attname: None if getattr(row, field.attname) is None else field.value_to_string(row)
        for field in row._meta.concrete_fields
        if field.name not in SECRET_FIELDS
    }


def _from_dict(model: type[Row], values: Mapping[str, str | None]) -> Row:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return model.from_db(
        "default",
        list(values),
        [None if value is None else fields[name].to_python(value) for name, value in values.items()],
    )


def _from_snapshot(snapshot: Mapping[str, Any]) -> Session:
    session, user = _from_dict(Session, snapshot["session"]), _from_dict(User, snapshot["user"])
    user.grants = Grants(
        role_names=tuple(snapshot["role_names"]),
        role_slugs=tuple(snapshot["role_slugs"]),
        permissions=frozenset(snapshot["permissions"]),
    )
    session.user = user
    return session
