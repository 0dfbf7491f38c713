"""Finds which captured changes are recorded by an event of the same transaction.

The event must be about the same subject, and where a change decides who may sign in and what they may do, name it.
Otherwise a trigger could give a user a role when they sign in, covered by the event of signing in.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from audit.crypto.canonical_json import SealedRow
from audit.models import CapturedChange

REFUSAL_ACTIONS = frozenset({"access_denied"})
#: Resources of events about the actor's own account or session.
OWN_ACCOUNT_RESOURCES = frozenset({"auth", "factor"})
#: Actions that explain every change of their subject.
WHOLE_SUBJECT_ACTIONS = frozenset({"create", "delete", "erase"})


class Evidence(NamedTuple):
    """How an event records a change of a column or relation: by a name among its changes, or by its action."""

    names: Collection[str]
    actions: Collection[str] = ()


#: By table and column; "" is any change. No event explains a row's new key. Other columns need any event about the
#: subject.
REQUIRED_EVIDENCE = {
    "users": {
        "id": Evidence(()),
        "username": Evidence({"username"}),
        "email": Evidence({"email"}),
        "is_active": Evidence({"is_active"}),
        "is_service": Evidence({"is_service"}),
        "password_hash": Evidence({"password", "password_hash"}, {"password_change", "password_reset"}),
        "locked_at": Evidence({"locked"}, {"lock", "unlock"}),
        "deleted_at": Evidence({"deleted"}),
    },
    "roles": {
        "id": Evidence(()),
        "name": Evidence({"name"}),
        "slug": Evidence({"slug", "name"}),
        "requires_factor": Evidence({"requires_factor"}),
    },
    "user_roles": {"": Evidence({"roles"}, {"role_assign", "role_revoke"})},
    "role_permissions": {"": Evidence({"permissions"})},
}


def unexplained_changes(changes: Iterable[CapturedChange], events: Iterable[SealedRow]) -> list[CapturedChange]:
    """Of the changes of one transaction, those that none of its events is about."""
    by_subject: dict[str, list[SealedRow]] = {}
    for event in events:
        for subject in _subjects_of_event(event):
            by_subject.setdefault(_without_hyphens(subject), []).append(event)
    return [change for change in changes if not _is_explained(change, by_subject)]


def _is_explained(change: CapturedChange, by_subject: Mapping[str, list[SealedRow]]) -> bool:
    main, *others = map(_without_hyphens, _subjects_of_change(change))
    if any(_is_whole(event, main, WHOLE_SUBJECT_ACTIONS) for event in by_subject.get(main, ())):
        return True
    # A new role doesn't explain to whom it is assigned, so only deletion counts here.
    if any(_is_whole(event, other, {"delete"}) for other in others for event in by_subject.get(other, ())):
        return True
    events = [event for subject in (main, *others) for event in by_subject.get(subject, ())]
    by_column = REQUIRED_EVIDENCE.get(change.table_name, {})
    required = [evidence for column, evidence in by_column.items() if column in {"", *change.columns.split()}]
    return bool(events) and all(any(_is_evidence(event, evidence) for event in events) for evidence in required)


def _is_whole(event: SealedRow, subject: str, actions: Collection[str]) -> bool:
    """Whether the subject itself, not one of its belongings, was created or deleted."""
    is_itself = _without_hyphens(f"{event.resource}:{event.resource_id}") == subject
    return is_itself and event.action in actions and "record" not in event.details


def _is_evidence(event: SealedRow, evidence: Evidence) -> bool:
    named = {*(event.details.get("changes") or ()), *(event.details.get("concealed") or ())}
    return event.action in evidence.actions or not named.isdisjoint(evidence.names)


def _without_hyphens(subject: str) -> str:
    # SQLite keeps UUIDs without their hyphens.
    return subject.replace("-", "")


def _subjects_of_change(change: CapturedChange) -> Iterator[str]:
    # All subjects of a change: an event about any of them will do, as a role's deletion does for its grants.
    yield from change.subjects.split(" ")
    yield f"{change.table_name}:*"


def _subjects_of_event(event: SealedRow) -> Iterator[str]:
    """What an event is about, in the same form."""
    if event.action in REFUSAL_ACTIONS:
        return
    if event.resource_id:
        yield f"{event.resource}:{event.resource_id}"
    if owner := event.details.get("owner_id"):
        yield f"user:{owner}"
    if event.resource in OWN_ACCOUNT_RESOURCES:
        if event.user_id is not None:
            yield f"user:{event.user_id}"
        if event.session_id is not None:
            yield f"session:{event.session_id}"
    if event.action == "session_revoke" and not event.resource_id:
        yield "sessions:*"  # one event says how many were ended
    if event.resource == "role" and "permissions" in event.details.get("changes", {}):
        yield "permissions:*"  # a new version's permissions come with the roles that hold them
