"""Whose access may have ended since the last look, by the newest events: so that a look costs the same among many.

Whatever takes access away leaves an event, in whichever process it happens. What the log doesn't say, or says late, is
found with the next look at everybody.
"""

import time
from collections.abc import Iterable

from accounts.models import RoleGrant, User
from accounts.models.user_states import UNENDED
from audit.models import Action, AuditLog
from reprotech.db.present_time import PresentTime

#: How often all are looked at.
EVERYBODY_SECONDS = 60
#: Ids follow the order in which transactions began to write: one lower by so many may be committed so much later.
OVERLAP_SECONDS, OVERLAP_EVENTS = 5, 100
#: At a time; beyond that, looking at everybody is cheaper.
MAX_EVENTS, MAX_PEOPLE = 1_000, 500

#: By these nobody loses anything.
HARMLESS_ACTIONS = frozenset({Action.APP_LOGIN, Action.APP_DENIED, Action.ACCESS_DENIED, Action.EXPORT})
#: These are about who did it.
OWN_RESOURCES = frozenset({"auth", "factor"})
#: These decide about nobody's access.
OTHER_RESOURCES = frozenset({"audit", "signing_key", "settings"})

#: Id, resource, resource id, action and user id of an event.
Event = tuple[int, str, str, str, int | None]


class AccessChanges:
    """What one thread has seen of the log."""

    def __init__(self) -> None:
        self._everybody_at = 0.0
        #: Events up to this id were seen, and these above it, each with the time at which it was.
        self._floor, self._seen = 0, dict[int, float]()

    def people(self) -> set[int] | None:
        """The ids of those whose access may have changed since the last call; None: everybody's."""
        now = time.monotonic()
        if now >= self._everybody_at:
            self._start_again(now)
            return None
        events = self._new_events(now)
        if len(events) > MAX_EVENTS:
            self._start_again(now)
            return None
        found = [people_concerned(event) for event in events]
        if None in found:
            return None
        people = {user_id for of_event in found for user_id in of_event or ()} | people_out_of_time()
        return people if len(people) <= MAX_PEOPLE else None

    def _start_again(self, now: float) -> None:
        # Before everybody is looked at: what is committed meanwhile comes next.
        self._everybody_at = now + EVERYBODY_SECONDS
        newest = AuditLog.objects.newest_first().values_list("pk", flat=True)[:OVERLAP_EVENTS]
        self._seen = dict.fromkeys(newest, now)
        self._floor = min(self._seen, default=1) - 1

    def _new_events(self, now: float) -> list[Event]:
        rows = AuditLog.objects.filter(pk__gt=self._floor).order_by("pk")
        columns = rows.values_list("pk", "resource", "resource_id", "action", "user_id")
        latest = columns[: len(self._seen) + MAX_EVENTS + 1]
        events = [event for event in latest if event[0] not in self._seen]
        self._seen |= {event[0]: now for event in events}
        self._forget(pk for pk, seen_at in self._seen.items() if seen_at < now - OVERLAP_SECONDS)
        return events

    def _forget(self, old: Iterable[int]) -> None:
        self._floor = max(old, default=self._floor)
        self._seen = {pk: seen_at for pk, seen_at in self._seen.items() if pk > self._floor}


def people_out_of_time() -> set[int]:
    """Whose account, or a grant of a role to whom, ran out, until that is on record."""
    accounts = User.objects.filter(UNENDED, ends_at__lte=PresentTime()).order_by().values_list("pk", flat=True)
    grants = RoleGrant.objects.filter(ends_at__lte=PresentTime()).order_by().values_list("user_id", flat=True)
    return set(accounts.union(grants)[: MAX_PEOPLE + 1])


def people_concerned(event: Event) -> set[int] | None:
    """Who may have lost access by an event; None for everybody, such as by a change of a role or an application."""
    _, resource, resource_id, action, user_id = event
    if action in HARMLESS_ACTIONS or resource in OTHER_RESOURCES:
        return set()
    if resource in OWN_RESOURCES or (resource == "application" and action == Action.LOGOUT):
        return {user_id} if user_id else set()
    return {int(resource_id)} if resource == "user" and resource_id.isdecimal() else None
