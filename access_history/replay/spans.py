"""Stretches of time, [from_at, to_at), as replay makes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(slots=True, eq=False)
class Span:
    """What held for a while. It is live until an event ends it."""

    from_at: datetime
    from_event: int
    to_at: datetime | None = None
    to_event: int | None = None
    #: Which row of the projection it is; None if there is none yet.
    key: int | None = None
    is_changed: bool = False

    def end(self, moment: datetime, event_id: int) -> datetime:
        """End it, not before it began; returns when it did."""
        self.to_at, self.to_event, self.is_changed = max(moment, self.from_at), event_id, True
        return self.to_at

    def move_beginning(self, moment: datetime) -> None:
        """To an earlier moment that an event named later."""
        if moment < self.from_at:
            self.from_at, self.is_changed = moment, True


class Facts(NamedTuple):
    """What the log says of an account."""

    username: str = ""
    first_name: str = ""
    last_name: str = ""
    is_service: bool = False
    is_active: bool = True
    is_locked: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class AccountSpan(Span):
    user_id: int
    facts: Facts


@dataclass(slots=True, kw_only=True, eq=False)
class GrantSpan(Span):
    """A role that a user holds; `to_at` is known from the beginning where an end is planned."""

    user_id: int
    role_id: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    period_event: int = 0
    granted_by_id: int | None = None
    granted_by_name: str = ""

    def end(self, moment: datetime, event_id: int) -> datetime:
        ended = max(moment, self.from_at)
        # What ended as planned ended then, though it is recorded later.
        self.to_at = min(ended, max(self.ends_at, self.from_at)) if self.ends_at else ended
        self.to_event, self.is_changed = event_id, True
        return self.to_at

    def plan(self, starts_at: datetime | None, ends_at: datetime | None, event_id: int) -> None:
        self.starts_at = starts_at
        self.ends_at = ends_at
        self.to_at = max(ends_at, self.from_at) if ends_at else None
        self.period_event, self.is_changed = event_id, True

    def has_begun(self, moment: datetime) -> bool:
        """Whether it has for an event of this moment, which a clock that goes behind another may put before it."""
        return self.from_at <= moment or self.starts_at is None or self.starts_at <= moment


@dataclass(slots=True, kw_only=True, eq=False)
class RoleSpan(Span):
    role_id: int
    name: str


@dataclass(slots=True, kw_only=True, eq=False)
class PermissionSpan(Span):
    role_id: int
    permission: str
