"""Users' saved views of lists: of the audit log, and of others with filters in their address."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.http import QueryDict

from audit.authorization import authorize, recording_denials
from audit.models import SavedFilter
from audit.permissions import AUDIT_READ
from reprotech.core.actors import SignedInUser
from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.core.normalization import is_deceptive, normalize_text

MAX_SAVED_FILTERS = 30


@dataclass(frozen=True, slots=True)
class ViewedList:
    """A list of which people keep views, and the permission to read it."""

    name: str
    permission: str


AUDIT_LOG = ViewedList("audit", AUDIT_READ)


class InvalidSavedFilter(DomainError):
    """A view can't be saved; the message says why."""

    code = "invalid"


def saved_filters(
    user_id: int, parse: Callable[[QueryDict], object], viewed: ViewedList = AUDIT_LOG
) -> list[SavedFilter]:
    """A user's views of a list. Those whose filters `parse` refuses by now have a `problem`."""
    views = list(SavedFilter.objects.filter(user_id=user_id, list_name=viewed.name))
    for view in views:
        try:
            parse(QueryDict(view.query))
        except ValidationFailed as refusal:
            faults = ", ".join(name.replace("_", " ") for name in refusal.errors)
            view.problem = f"its filter no longer exists ({faults})"
    return views


@recording_denials
def save_filter(*, actor: SignedInUser, name: str, query: str, viewed: ViewedList = AUDIT_LOG) -> SavedFilter:
    """Save a view; raises Forbidden or InvalidSavedFilter. `query` is the address of valid filters."""
    authorize(actor, viewed.permission)
    name = " ".join(normalize_text(name).split())
    if not name:
        raise InvalidSavedFilter("Give it a name.")
    if len(name) > SavedFilter.NAME_LENGTH or not name.isprintable() or is_deceptive(name):
        raise InvalidSavedFilter(f"Give it a name of at most {SavedFilter.NAME_LENGTH} ordinary characters.")
    # Not locked: two requests at once may exceed the limit by one, which harms nobody.
    kept = SavedFilter.objects.filter(user_id=actor.pk, list_name=viewed.name)
    if kept.count() >= MAX_SAVED_FILTERS:
        raise InvalidSavedFilter(f"You keep {MAX_SAVED_FILTERS} views already. Remove one first.")
    try:
        # The constraint decides, since two requests may choose the same name. In a savepoint: PostgreSQL refuses all
        # further statements of a transaction in which one failed.
        with transaction.atomic():
            return SavedFilter.objects.create(user_id=actor.pk, list_name=viewed.name, name=name, query=query)
    except IntegrityError:
        raise InvalidSavedFilter(
            f"You keep a view called {name} already, of this list or another. Remove it first, or choose another name."
        ) from None


@recording_denials
def delete_filter(*, actor: SignedInUser, filter_id: int, viewed: ViewedList = AUDIT_LOG) -> bool:
    """Remove one of the actor's own views and return whether it existed; raises Forbidden."""
    authorize(actor, viewed.permission)
    own = SavedFilter.objects.filter(user_id=actor.pk, list_name=viewed.name)
    deleted, _ = own.filter(pk=filter_id).delete()
    return bool(deleted)
