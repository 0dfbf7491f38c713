"""Users' saved views of the audit log."""

from django.db import IntegrityError, transaction

from audit.authorization import authorize, recording_denials
from audit.models import SavedFilter
from audit.permissions import AUDIT_READ
from reprotech.core.actors import SignedInUser
from reprotech.core.exceptions import DomainError
from reprotech.core.normalization import is_deceptive, normalize_text

MAX_SAVED_FILTERS = 30


class InvalidSavedFilter(DomainError):
    """A view can't be saved; the message says why."""

    code = "invalid"


def saved_filters(user_id: int) -> list[SavedFilter]:
    return list(SavedFilter.objects.filter(user_id=user_id))


@recording_denials
def save_filter(*, actor: SignedInUser, name: str, query: str) -> SavedFilter:
    """Save a view; raises Forbidden or InvalidSavedFilter. `query` is an `AuditQuery`'s address."""
    authorize(actor, AUDIT_READ)
    name = " ".join(normalize_text(name).split())
    if not name:
        raise InvalidSavedFilter("Give it a name.")
    if len(name) > SavedFilter.NAME_LENGTH or not name.isprintable() or is_deceptive(name):
        raise InvalidSavedFilter(f"Give it a name of at most {SavedFilter.NAME_LENGTH} ordinary characters.")
    # Not locked: two requests at once may exceed the limit by one, which harms nobody.
    kept = SavedFilter.objects.filter(user_id=actor.pk)
    if kept.count() >= MAX_SAVED_FILTERS:
        raise InvalidSavedFilter(f"You keep {MAX_SAVED_FILTERS} views already. Remove one first.")
    try:
        # The constraint decides, since two requests may choose the same name. In a savepoint: PostgreSQL refuses all
        # further statements of a transaction in which one failed.
        with transaction.atomic():
            return SavedFilter.objects.create(user_id=actor.pk, name=name, query=query)
    except IntegrityError:
        raise InvalidSavedFilter(
            f"You keep a view called {name} already. Remove it first, or choose another name."
        ) from None


@recording_denials
def delete_filter(*, actor: SignedInUser, filter_id: int) -> bool:
    """Remove one of the actor's own views and return whether it existed; raises Forbidden."""
    authorize(actor, AUDIT_READ)
    deleted, _ = SavedFilter.objects.filter(user_id=actor.pk, pk=filter_id).delete()
    return bool(deleted)
