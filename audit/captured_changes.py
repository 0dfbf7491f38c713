"""Which changes that the database noted are on record by an event of the same transaction."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

#: Events that say that something was not done.
REFUSALS = frozenset({"access_denied"})
#: Events that a person leaves about their own account or session.
OWN = frozenset({"auth", "factor"})


class Change(Protocol):
    """What a captured change tells; `audit.models.CapturedChange` is one."""

    @property
    def table_name(self) -> str:
        """The table of the row."""

    @property
    def subjects(self) -> str:
        """`resource:id`, several with a space in between."""


class Event(Protocol):
    """What an event tells; `audit.models.AuditLog` and `audit.canonical.SealedRow` are ones."""

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


def unaccounted(changes: Iterable[AnyChange], events: Iterable[Event]) -> list[AnyChange]:
    """Of the changes of one transaction, those that none of its events is about."""
    known = {_plain(subject) for event in events for subject in _subjects_of_event(event)}
    return [change for change in changes if not known.intersection(map(_plain, _subjects_of_change(change)))]


def _plain(subject: str) -> str:
    """SQLite keeps UUIDs without their hyphens."""
    return subject.replace("-", "")


def _subjects_of_change(change: Change) -> Iterator[str]:
    """What a change is about: an event about any of it will do, as a role's deletion does for its grants."""
    yield from change.subjects.split(" ")
    yield f"{change.table_name}:*"


def _subjects_of_event(event: Event) -> Iterator[str]:
    """What an event is about, in the same form."""
    if event.action in REFUSALS:
        return
    if event.resource_id:
        yield f"{event.resource}:{event.resource_id}"
    if owner := event.details.get("owner_id"):
        yield f"user:{owner}"
    if event.resource in OWN:
        if event.user_id is not None:
            yield f"user:{event.user_id}"
        if event.session_id is not None:
            yield f"session:{event.session_id}"
    if event.action == "session_revoke" and not event.resource_id:
        yield "sessions:*"  # one event says how many were ended
    if event.resource == "role" and "permissions" in event.details.get("changes", {}):
        yield "permissions:*"  # a new version's permissions come with the roles that hold them
