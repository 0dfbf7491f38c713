"""Views of the audit log that people keep under names of their own."""

from django.db import IntegrityError, transaction

from audit.models import SavedFilter
from audit.normalization import is_disguise, normalize_text

#: More than anyone finds their way in.
MOST = 30


class FilterRefused(ValueError):
    """A view can't be kept; the message says why."""


def saved_filters(user_id: int) -> list[SavedFilter]:
    """What a user keeps, by name."""
    return list(SavedFilter.objects.filter(user_id=user_id))


def save_filter(*, user_id: int, name: str, query: str) -> SavedFilter:
    """Keep a view under a name; raises FilterRefused. `query` is an `AuditQuery`'s address."""
    name = " ".join(normalize_text(name).split())
    if not name:
        raise FilterRefused("Give it a name.")
    if len(name) > SavedFilter.NAME_LENGTH or not name.isprintable() or any(map(is_disguise, name)):
        raise FilterRefused(f"Give it a name of at most {SavedFilter.NAME_LENGTH} ordinary characters.")
    kept = SavedFilter.objects.filter(user_id=user_id)
    if kept.count() >= MOST:
        raise FilterRefused(f"You keep {MOST} views already. Remove one first.")
    try:
        with transaction.atomic():
            return SavedFilter.objects.create(user_id=user_id, name=name, query=query)
    except IntegrityError:
        raise FilterRefused(
            f"You keep a view called {name} already. Remove it first, or choose another name."
        ) from None


def forget_filter(*, user_id: int, filter_id: int) -> bool:
    """Remove one of a user's own views; whether it was there."""
    deleted, _ = SavedFilter.objects.filter(user_id=user_id, pk=filter_id).delete()
    return bool(deleted)
