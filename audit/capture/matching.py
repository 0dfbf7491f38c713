"""Which changes that the database noted are on record by an event of the same transaction.

An event must be about the same subject. For what decides who may sign in and what they may do that isn't enough: it
must say so. Else a trigger that someone adds could give a user a role as they sign in, under cover of that event.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

#: Events that say that something was not done.
REFUSAL_ACTIONS = frozenset({"access_denied"})
#: Events that a person leaves about their own account or session.
OWN_ACCOUNT_RESOURCES = frozenset({"auth", "factor"})
#: Events that say of everything about their subject that it is new or gone.
WHOLE_SUBJECT_ACTIONS = frozenset({"create", "delete", "erase"})


class Evidence(NamedTuple):
    """How an event says that a column or relation changed: by a name among its changes, or by its action."""

    names: Collection[str]
    actions: Collection[str] = ()


#: By table; "" is any change of it. No event says that a row got another key. For what else changes with these, such as
#: that a password must be replaced, any event about the subject will do.
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


class Change(Protocol):
    """What a captured change tells; `audit.models.CapturedChange` is one."""

    @property
    def table_name(self) -> str:
        """The table of the row."""

    @property
    def subjects(self) -> str:
        """`resource:id`, several with a space in between."""

    @property
    def columns(self) -> str:
        """Those that changed, with a space in between."""


class Event(Protocol):
    """What an event tells; `audit.models.AuditLog` and `audit.crypto.canonical_json.SealedRow` are ones."""

    @property
    def action(self) -> str:
        """What was done."""

    @property
    def resource(self) -> str:
        """To what kind of thing."""

    @property
    def resource_id(self) -> str:
        """To which one."""

    @property
    def user_id(self) -> int | None:
        """By whom."""

    @property
    def session_id(self) -> Any:
        """In which session."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What else explains it."""


AnyChange = TypeVar("AnyChange", bound=Change)


def unexplained_changes(changes: Iterable[AnyChange], events: Iterable[Event]) -> list[AnyChange]:
    """Of the changes of one transaction, those that none of its events is about."""
    known: dict[str, list[Event]] = {}
    for event in events:
        for subject in _subjects_of_event(event):
            known.setdefault(_without_hyphens(subject), []).append(event)
    return [change for change in changes if not _is_explained(change, known)]


def _is_explained(change: Change, known: Mapping[str, list[Event]]) -> bool:
    main, *others = map(_without_hyphens, _subjects_of_change(change))
    if any(_is_whole(event, main, WHOLE_SUBJECT_ACTIONS) for event in known.get(main, ())):
        return True
    # A new role says nothing of the users whom it is given to.
    if any(_is_whole(event, other, {"delete"}) for other in others for event in known.get(other, ())):
        return True
    events = [event for subject in (main, *others) for event in known.get(subject, ())]
    of_table = REQUIRED_EVIDENCE.get(change.table_name, {})
    to_be_said = [said for column, said in of_table.items() if column in {"", *change.columns.split()}]
    return bool(events) and all(any(_is_evidence(event, said) for event in events) for said in to_be_said)


def _is_whole(event: Event, subject: str, actions: Collection[str]) -> bool:
    """Whether the subject itself, and nothing that belongs to it, is new or gone."""
    is_itself = _without_hyphens(f"{event.resource}:{event.resource_id}") == subject
    return is_itself and event.action in actions and "record" not in event.details


def _is_evidence(event: Event, said: Evidence) -> bool:
    named = {*(event.details.get("changes") or ()), *(event.details.get("concealed") or ())}
    return event.action in said.actions or not named.isdisjoint(said.names)


def _without_hyphens(subject: str) -> str:
    """SQLite keeps UUIDs without their hyphens."""
    return subject.replace("-", "")


def _subjects_of_change(change: Change) -> Iterator[str]:
    """What a change is about: an event about any of it will do, as a role's deletion does for its grants."""
    yield from change.subjects.split(" ")
    yield f"{change.table_name}:*"


def _subjects_of_event(event: Event) -> Iterator[str]:
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
