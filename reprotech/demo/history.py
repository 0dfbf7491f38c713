"""What they did: the events of one day after the other, as the audit log tells them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from accounts.catalogue import ROLES
from accounts.models import Session
from audit.canonical import SALT_BYTES, VERSION, SealedRow
from audit.models import Action
from reprotech.demo.people import DOMAIN, People, Person
from reprotech.demo.rhythm import Day, moments

ROLE_NAMES = {role.slug: role.name for role in ROLES}
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
)
#: The share of requests from other networks than the laboratory's own.
AWAY = 0.1
SCRIPT = "python-requests/2.32.5"


class Visit(NamedTuple):
    """A session, as the events of one day see it."""

    person: Person
    session_id: UUID
    kind: Session.Kind
    ip_address: str
    user_agent: str


@dataclass(slots=True)
class Past:
    """What a day left."""

    #: In the order of their times, and without ids yet.
    events: list[SealedRow] = field(default_factory=list)
    #: The last sign-in of each person who had one, by number.
    sign_ins: dict[int, datetime] = field(default_factory=dict)
    #: Sessions that nobody signed out of, with their beginning.
    visits: dict[UUID, tuple[Visit, datetime]] = field(default_factory=dict)


class History:
    """The events of `people`, of whom the first has the id `first_id`, until a moment. Days don't depend on another."""

    def __init__(self, people: People, first_id: int, seed: int, until: datetime) -> None:
        self.people = people
        self.first_id = first_id
        self._seed = seed
        self._until = until

    def past(self, day: Day) -> Past:
        """What happened on a day."""
        return _DayOfWork(self, day, self._chance(day, "events")).past(
            moments(self._chance(day, "times"), day.date, day.events, self._until), self.arrivals(day)
        )

    def arrivals(self, day: Day) -> list[datetime]:
        """When those who are new on a day got their accounts, in the order of their numbers."""
        return moments(self._chance(day, "arrivals"), day.date, day.new, self._until)

    def _chance(self, day: Day, purpose: str) -> Random:
        return Random(f"{self._seed} {day.date} {purpose}")  # noqa: S311 (nothing of it is secret)  # nosec B311


class _DayOfWork:
    def __init__(self, history: History, day: Day, chance: Random) -> None:
        self._people = history.people
        self._first_id = history.first_id
        self._day = day
        #: Whoever was there in the morning.
        self._present = max(1, day.people - day.new)
        self._chance = chance
        self._past = Past()
        self._visits: list[Visit] = []
        #: What may happen, and in how many of a thousand cases; whatever is left are sign-ins.
        self._kinds: list[Callable[[datetime], None]] = []
        self._weights: list[int] = []
        for kind, weight in (
            (self._sign_in, 480),
            (self._sign_in_by_script, 95),
            (self._sign_out, 250),
            (self._refresh, 75),
            (self._fail, 48),
            (self._deny, 12),
            (self._change_password, 10),
            (self._correct_email, 14),
            (self._grant_role, 6),
            (self._unlock, 6),
            (self._export, 4),
        ):
            self._kinds.append(kind)
            self._weights.append(weight)

    def past(self, times: list[datetime], arrivals: list[datetime]) -> Past:
        told = range(self._day.people - self._day.told, self._day.people)
        agenda: list[tuple[datetime, Any]] = [
            *zip(arrivals[self._day.new - self._day.told :], told, strict=True),
            *zip(times, self._chance.choices(self._kinds, self._weights, k=len(times)), strict=True),
        ]
        for moment, what in sorted(agenda, key=lambda entry: entry[0]):
            if isinstance(what, int):
                self._create(moment, self._people[what])
            else:
                what(moment)
        return self._past

    def _add(
        self,
        moment: datetime,
        action: Action,
        resource: str,
        actor: Person | None,
        *,
        subject: Person | None = None,
        visit: Visit | None = None,
        success: bool = True,
        details: dict[str, Any] | None = None,
    ) -> None:
        chance = self._chance
        self._past.events.append(
            SealedRow(
                id=None,
                version=VERSION,
                timestamp=moment,
                user_id=self._first_id + actor.number if actor else None,
                username=actor.username if actor else "system",
                action=action.value,
                resource=resource,
                resource_id=str(self._first_id + subject.number) if subject else "",
                resource_name=subject.username if subject else "",
                success=success,
                ip_address=visit.ip_address if visit else self._address(actor) if actor else None,
                user_agent=visit.user_agent if visit else self._browser(actor) if actor else "",
                request_id=f"{chance.getrandbits(128):032x}",
                session_id=visit.session_id if visit else None,
                details=details or {},
                actor_opening=chance.randbytes(SALT_BYTES),
                subject_opening=chance.randbytes(SALT_BYTES),
            )
        )

    # Who

    def _somebody(self) -> Person:
        """Somebody who can sign in."""
        while True:
            person = self._people[self._chance.randrange(self._present)]
            if person.is_active and not person.is_locked:
                return person

    def _administrator(self) -> Person:
        return self._people[self._chance.randrange(min(self._people.administrators, self._present))]

    def _address(self, person: Person) -> str:
        if self._chance.random() < AWAY:
            return f"203.0.113.{self._chance.randrange(1, 255)}"
        return f"10.20.{person.number // 250 % 250}.{person.number % 250 + 1}"

    def _browser(self, person: Person) -> str:
        return BROWSERS[person.number * 7 % len(BROWSERS)]

    def _visit(self, moment: datetime, person: Person, kind: Session.Kind, user_agent: str) -> Visit:
        session_id = UUID(int=self._chance.getrandbits(128), version=4)
        visit = Visit(person, session_id, kind, self._address(person), user_agent)
        self._add(moment, Action.LOGIN, "auth", person, visit=visit, details={"kind": kind.value})
        self._visits.append(visit)
        self._past.sign_ins[person.number] = moment
        self._past.visits[session_id] = visit, moment
        return visit

    def _open_visit(self) -> Visit | None:
        """A session of this day that is still open."""
        return self._chance.choice(self._visits) if self._visits else None

    # What

    def _sign_in(self, moment: datetime) -> None:
        person = self._somebody()
        self._visit(moment, person, Session.Kind.PAGE, self._browser(person))

    def _sign_in_by_script(self, moment: datetime) -> None:
        self._visit(moment, self._somebody(), Session.Kind.TOKEN, SCRIPT)

    def _sign_out(self, moment: datetime) -> None:
        if not self._visits:
            return self._sign_in(moment)
        position = self._chance.randrange(len(self._visits))
        visit, self._visits[position] = self._visits[position], self._visits[-1]
        self._visits.pop()
        del self._past.visits[visit.session_id]
        return self._add(moment, Action.LOGOUT, "auth", visit.person, visit=visit)

    def _refresh(self, moment: datetime) -> None:
        visit = self._open_visit()
        if visit is None or visit.kind != Session.Kind.TOKEN:
            return self._sign_in_by_script(moment)
        return self._add(moment, Action.TOKEN_REFRESH, "auth", visit.person, visit=visit)

    def _fail(self, moment: datetime) -> None:
        person = self._somebody()
        self._add(moment, Action.LOGIN, "auth", person, success=False, details={"reason": "The password is wrong."})

    def _deny(self, moment: datetime) -> None:
        visit = self._open_visit()
        if visit is None or visit.person.number < self._people.administrators:
            return self._sign_in(moment)
        subject = self._somebody()
        path = f"/api/users/{self._first_id + subject.number}"
        details = {"required": "user_delete", "method": "DELETE", "path": path}
        return self._add(
            moment, Action.ACCESS_DENIED, "user", visit.person, visit=visit, success=False, details=details
        )

    def _change_password(self, moment: datetime) -> None:
        visit = self._open_visit()
        if visit is None:
            return self._sign_in(moment)
        return self._add(moment, Action.PASSWORD_CHANGE, "user", visit.person, subject=visit.person, visit=visit)

    def _create(self, moment: datetime, person: Person) -> None:
        actor = self._administrator() if person.number else None
        after = {
            "username": person.username,
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "is_active": True,
        }
        changes: dict[str, Any] = {name: [None, value] for name, value in after.items()}
        changes["roles"] = [[], [ROLE_NAMES[slug] for slug in person.roles]]
        self._add(moment, Action.CREATE, "user", actor, subject=person, details={"changes": changes})

    def _correct_email(self, moment: datetime) -> None:
        person = self._somebody()
        changes = {"email": [f"{person.username}@old.{DOMAIN}", person.email]}
        self._add(moment, Action.UPDATE, "user", self._administrator(), subject=person, details={"changes": changes})

    def _grant_role(self, moment: datetime) -> None:
        person = self._somebody()
        names = sorted(ROLE_NAMES[slug] for slug in person.roles)
        changes = {"roles": [names[1:], names]}
        self._add(
            moment,
            Action.ROLE_ASSIGN,
            "user",
            self._administrator(),
            subject=person,
            details={"changes": changes, "roles": names[:1]},
        )

    def _unlock(self, moment: datetime) -> None:
        changes = {"locked": [True, False]}
        self._add(
            moment, Action.UNLOCK, "user", self._administrator(), subject=self._somebody(), details={"changes": changes}
        )

    def _export(self, moment: datetime) -> None:
        details = {"format": "csv", "filters": {}, "rows": self._day.people}
        self._add(moment, Action.EXPORT, "user", self._administrator(), details=details)
