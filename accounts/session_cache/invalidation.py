"""Invalidating cached sessions, before and after a change is committed. `accounts.tracked_models` calls it."""

from collections.abc import Collection, Iterable
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import models, transaction
from django.db.models import QuerySet

from accounts.session_cache import local
from accounts.session_cache.change_listeners import announce_change
from accounts.session_cache.keys import INVALIDATING, MARKER_SECONDS, ROLES_VERSION, VERSION_SECONDS, version_key
from accounts.session_cache.snapshots import NOT_CACHED

#: More users at once are invalidated as a change of roles, which makes every snapshot void.
MAX_USERS = 1_000


def invalidate_owners(owner: str, rows: Iterable[models.Model], columns: Collection[str] | None) -> None:
    """Invalidate the sessions that show rows whose `columns` change; their column `owner` names the user."""
    announce_change(rows, columns)
    if columns is not None and NOT_CACHED.issuperset(columns):
        return
    if not isinstance(rows, QuerySet):
        invalidate_users({getattr(row, owner) for row in rows})
    elif settings.REDIS_URL:
        invalidate_users(rows.order_by().values_list(owner, flat=True).distinct()[: MAX_USERS + 1])


def invalidate_users(user_ids: Iterable[int]) -> None:
    """Invalidate the sessions of users, within the transaction that changes them or their grants or sessions."""
    ids = set(user_ids)
    _invalidate({version_key(user_id) for user_id in ids} if len(ids) <= MAX_USERS else {ROLES_VERSION})


def invalidate_roles() -> None:
    """Invalidate all sessions, within the transaction that changes roles or their permissions."""
    _invalidate({ROLES_VERSION})


class _Publication:
    """Gives versions that a transaction marked new values, after its commit."""

    def __init__(self, keys: set[str]) -> None:
        self.keys = keys

    def __call__(self) -> None:
        # The change is committed: if Redis can't be told, no process may use the cache.
        if not _set_all(self.keys, uuid4().hex, VERSION_SECONDS):
            local.bypass_flag.raise_flag()


def _invalidate(keys: set[str]) -> None:
    if not settings.REDIS_URL:
        return
    publication = _pending_publication()
    marked = publication.keys if publication else set()
    if new := keys - marked:
        # Before the commit: from now on no process stores or uses a snapshot of the old state.
        _set_all(new, INVALIDATING, MARKER_SECONDS)
        if publication:
            publication.keys |= new
        else:
            transaction.on_commit(_Publication(new))


def _pending_publication() -> _Publication | None:
    # Django drops it when a savepoint around it is rolled back; each that is open around it is around the present
    # change too. No documented way tells what is pending.
    callbacks = (callback for _, callback, _ in transaction.get_connection().run_on_commit)
    return next((callback for callback in callbacks if isinstance(callback, _Publication)), None)


def _set_all(keys: Iterable[str], value: str, seconds: int) -> bool:
    # Tried even during an outage: it may be over for the processes that read.
    try:
        cache.set_many(dict.fromkeys(keys, value), seconds)
    except Exception as error:  # noqa: BLE001 (whatever is wrong with Redis, the bypass flag reaches other processes)
        local.trip(error)
        return False
    return True
