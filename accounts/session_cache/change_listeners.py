"""Callbacks for when it is committed that users, roles, permissions or sessions may have changed."""

from collections.abc import Callable, Collection, Iterable
from itertools import islice

from django.db import models, transaction
from django.db.models import QuerySet

#: Columns that change at each sign-in or so and decide nothing about access.
ROUTINE_COLUMNS = frozenset(
    {"confirmed_at", "methods", "rotated_at", "generation", "last_login", "last_used_at", "was_announced"}
)
MAX_COMPARED = 10

_listeners: list[Callable[[], None]] = []


def on_access_change(listener: Callable[[], None]) -> None:
    """Call this after the commit of each change that may take access from someone. It must return at once."""
    _listeners.append(listener)


def announce_change(rows: Iterable[models.Model], columns: Collection[str] | None) -> None:
    """Tell the listeners once the present transaction is committed, unless the change can't take anything away."""
    if columns is not None and ROUTINE_COLUMNS.issuperset(columns):
        return
    if not isinstance(rows, QuerySet) and all(row._state.adding for row in islice(rows, MAX_COMPARED)):
        return  # new rows
    if not any(isinstance(callback, _Announcement) for _, callback, _ in transaction.get_connection().run_on_commit):
        transaction.on_commit(_Announcement())


class _Announcement:
    """One for a transaction, however much it changes."""

    def __call__(self) -> None:
        for listener in _listeners:
            listener()
