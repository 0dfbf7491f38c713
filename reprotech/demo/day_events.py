"""Simulates one day: who is at work, what they do, and what an administrator changes of accounts."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from accounts.core.catalogue import ROLES
from accounts.models import Session
from audit.crypto.canonical_json import SALT_BYTES, VERSION, SealedRow
from audit.models import Action
from reprotech.core.actors import System
from reprotech.demo.calendar import Day, midnight
from reprotech.demo.employment import NEVER, Career, Careers, Change, event_count
from reprotech.demo.names import BROWSERS
from reprotech.demo.people import People, Person

ROLE_NAMES = {role.slug: role.name for role in ROLES}
#: The share of requests from outside the laboratory's network.
EXTERNAL_SHARE = 0.1
SCRIPT_USER_AGENT = "python-requests/2.32.5"
#: A page session expires after this time without use; its end is recorded up to SWEEP_SECONDS later.
IDLE_LIMIT, SWEEP_SECONDS = timedelta(hours=1), 30
ENCODER = DjangoJSONEncoder()
AUTH_ACTIONS = {Action.LOGIN, Action.LOGOUT, Action.SESSION_END, Action.TOKEN_REFRESH}
COMMAND_USER_AGENT = "manage.py users (root)"
SYSTEM_NAME = System().username


class DemoSession(NamedTuple):
    person: Person
    career: Career
    session_id: UUID
    kind: Session.Kind
    ip_address: str
    user_agent: str


@dataclass(slots=True)
class DayEvents:
    """The outcome of a simulated day."""

    #: By time, without ids.
    events: list[SealedRow] = field(default_factory=list)
    #: The last sign-in of each user, by number.
    sign_ins: dict[int, datetime] = field(default_factory=dict)
    #: Sessions that are still open, with their start.
    visits: dict[UUID, tuple[DemoSession, datetime]] = field(default_factory=dict)


class DaySimulation:
    """One day, whose events depend on `chance` alone."""

    def __init__(
        self, day: Day, *, people: People, careers: Careers, first_id: int, chance: Random, arrivals: list[datetime]
    ) -> None:
        self._people = people
        self._careers = careers
        self._first_id = first_id
        self._day = day
        self._arrivals = arrivals
        #: Users who had an account in the morning.
        self._present = day.people - day.new
        self._chance = chance
        self._outcome = DayEvents()
        self._visits: list[DemoSession] = []
        self._open_counts: Counter[int] = Counter()
        self._last_uses: dict[UUID, datetime] = {}
        #: Administrators' sessions, in which they manage accounts.
        self._admin_sessions: list[DemoSession] = []
        #: Activities, in parts of a thousand.
        self._weights: dict[Callable[[datetime], None], int] = {
            self._sign_in: 400,
            self._sign_in_by_script: 95,
            self._sign_out: 200,
            self._time_out: 130,
            self._refresh: 75,
            self._fail: 48,
            self._deny: 12,
            self._change_password: 10,
            self._send_reset_link: 20,
            self._reset_attempts: 6,
            self._export: 4,
        }

    def simulate(self, times_of: Callable[[int], list[datetime]]) -> DayEvents:
        """The day's events; `times_of` returns the given number of times of the day."""
        day, count = self._day, self._day.events
        created = range(day.people - day.with_event, day.people)
        agenda: list[tuple[datetime, Callable[[datetime], None]]] = [
            (moment, partial(self._create, number))
            for moment, number in zip(self._arrivals[day.new - day.with_event :], created, strict=True)
        ]
        for packed in day.changes:
            number, change = self._careers.unpacked(packed)
            agenda.append((self._careers.moment(number, change, day.number), partial(self._change, number, change)))
            count -= event_count(change, self._people[number])
        if agenda and self._present and count:
            # Accounts are changed by an administrator who is signed in.
            morning, first = midnight(day.date), min(moment for moment, _ in agenda)
            agenda.append((morning + (first - morning) * self._chance.random(), self._sign_in_administrator))
            count -= 1
        agenda += zip(
            times_of(count), self._chance.choices([*self._weights], [*self._weights.values()], k=count), strict=True
        )
        for moment, do in sorted(agenda, key=lambda entry: entry[0]):
            do(moment)
        return self._outcome

    def _add(
        self,
        moment: datetime,
        action: Action,
        visit: DemoSession | None,
        *,
        subject: Person | None = None,
        actor: Person | None = None,
        success: bool = True,
        request_id: str = "",
        is_attended: bool = True,
        **details: object,
    ) -> None:
        if visit:
            actor = visit.person
            self._last_uses[visit.session_id] = moment
        self._outcome.events.append(
            SealedRow(
                None,
                VERSION,
                moment,
                self._first_id + actor.number if actor else None,
                actor.username if actor else SYSTEM_NAME,
                action.value,
                "auth" if action in AUTH_ACTIONS else "user",
                str(self._first_id + subject.number) if subject else "",
                subject.username if subject else "",
                success,
                (visit.ip_address if visit else self._address(actor)) if actor and is_attended else None,
                self._user_agent(actor, visit) if is_attended else "",
                (request_id or self._request_id()) if actor and is_attended else "",
                visit.session_id if visit else None,
                details,
                self._chance.randbytes(SALT_BYTES),
                self._chance.randbytes(SALT_BYTES),
            )
        )

    def _user_agent(self, actor: Person | None, visit: DemoSession | None) -> str:
        if visit:
            return visit.user_agent
        return self._browser(actor) if actor else COMMAND_USER_AGENT

    def _request_id(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"

    def _random_user(self) -> tuple[Person, Career]:
        """A user who can sign in on this day, and whose account doesn't change on it."""
        while True:
            number = self._chance.randrange(self._present)
            career = self._careers.career(number)
            if self._careers.can_work(number, career, self._day.number):
                return self._people[number], career

    def _other_user(self, visit: DemoSession) -> tuple[Person, Career] | None:
        found = self._random_user()
        return found if found[0].number != visit.person.number else None

    def _address(self, person: Person) -> str:
        if self._chance.random() < EXTERNAL_SHARE:
            return f"203.0.113.{self._chance.randrange(1, 255)}"
        return f"10.20.{person.number // 250 % 250}.{person.number % 250 + 1}"

    def _browser(self, person: Person) -> str:
        return BROWSERS[person.number * 7 % len(BROWSERS)]

    def _is_administrator(self, person: Person) -> bool:
        return person.number < self._people.administrators

    def _roles(self, person: Person, career: Career) -> tuple[str, ...]:
        return person.first_roles if self._day.number < career.role != NEVER else person.roles

    def _email(self, person: Person, career: Career) -> str:
        return person.first_email if self._day.number < career.email != NEVER else person.email

    def _visit(self, moment: datetime, who: tuple[Person, Career], kind: Session.Kind) -> DemoSession:
        user_agent = SCRIPT_USER_AGENT if kind == Session.Kind.TOKEN else self._browser(who[0])
        session_id = UUID(int=self._chance.getrandbits(128), version=4)
        visit = DemoSession(*who, session_id, kind, self._address(who[0]), user_agent)
        held = [ROLE_NAMES[slug] for slug in self._roles(*who)]
        self._add(moment, Action.LOGIN, visit, kind=kind.value, roles=held, method="password")
        self._outcome.sign_ins[visit.person.number] = moment
        self._outcome.visits[session_id] = visit, moment
        return visit

    def _one_of(self, visits: list[DemoSession]) -> DemoSession | None:
        return self._chance.choice(visits) if visits else None

    def _sign_in(self, moment: datetime) -> None:
        visit = self._visit(moment, self._random_user(), Session.Kind.PAGE)
        self._keep_open(visit)
        if self._is_administrator(visit.person):
            self._admin_sessions.append(visit)

    def _sign_in_administrator(self, moment: datetime) -> None:
        number = self._chance.randrange(min(self._people.administrators, self._present))
        who = self._people[number], self._careers.career(number)
        self._admin_sessions.append(self._visit(moment, who, Session.Kind.PAGE))

    def _sign_in_by_script(self, moment: datetime) -> None:
        self._keep_open(self._visit(moment, self._random_user(), Session.Kind.TOKEN))

    def _sign_out(self, moment: datetime) -> None:
        if not self._visits:
            return self._sign_in(moment)
        position = self._chance.randrange(len(self._visits))
        self._add(moment, Action.LOGOUT, self._visits[position])
        self._end(position)
        return None

    def _time_out(self, moment: datetime) -> None:
        """A page session that was idle for so long that it expired, a moment ago."""
        position = self._chance.randrange(len(self._visits)) if self._visits else 0
        visit = self._visits[position] if self._visits else None
        ended_at = moment - timedelta(seconds=self._chance.random() * SWEEP_SECONDS)
        idle_since = ended_at - IDLE_LIMIT
        if visit is None or visit.kind != Session.Kind.PAGE or idle_since < self._last_uses[visit.session_id]:
            return self._sign_in(moment)
        self._add(
            moment, Action.SESSION_END, visit, is_attended=False,
            reason="idle", kind=visit.kind.value, ended_at=ENCODER.default(ended_at),
        )  # fmt: skip
        self._end(position)
        return None

    def _keep_open(self, visit: DemoSession) -> None:
        self._visits.append(visit)
        self._open_counts[visit.person.number] += 1

    def _end(self, position: int) -> None:
        visit, self._visits[position] = self._visits[position], self._visits[-1]
        self._visits.pop()
        self._open_counts[visit.person.number] -= 1
        if self._is_administrator(visit.person) and visit.kind == Session.Kind.PAGE:
            self._admin_sessions.remove(visit)
        del self._outcome.visits[visit.session_id], self._last_uses[visit.session_id]

    def _refresh(self, moment: datetime) -> None:
        visit = self._one_of(self._visits)
        if visit is None or visit.kind != Session.Kind.TOKEN:
            return self._sign_in_by_script(moment)
        return self._add(moment, Action.TOKEN_REFRESH, visit)

    def _fail(self, moment: datetime) -> None:
        person, _ = self._random_user()
        self._add(moment, Action.LOGIN, None, actor=person, success=False, reason="The password is wrong.")

    def _deny(self, moment: datetime) -> None:
        visit = self._one_of(self._visits)
        if visit is None or self._is_administrator(visit.person):
            return self._sign_in(moment)
        subject, _ = self._random_user()
        return self._add(
            moment, Action.ACCESS_DENIED, visit, subject=subject, success=False,
            required="user_delete", method="DELETE", path=f"/api/users/{self._first_id + subject.number}",
        )  # fmt: skip

    def _change_password(self, moment: datetime) -> None:
        visit = self._one_of(self._visits)
        # It would end other sessions, which administrators need.
        if visit is None or self._is_administrator(visit.person):
            return self._sign_in(moment)
        number, ended = visit.person.number, self._open_counts[visit.person.number] - 1
        for position in reversed(range(len(self._visits)) if ended else ()):
            if self._visits[position].person.number == number and self._visits[position] is not visit:
                self._end(position)
        return self._add(
            moment, Action.PASSWORD_CHANGE, visit, subject=visit.person, must_change=False, ended_sessions=ended
        )

    def _send_reset_link(self, moment: datetime) -> None:
        self._support(moment, Action.PASSWORD_RESET, lambda user, career: {"sent_to": self._email(user, career)})

    def _reset_attempts(self, moment: datetime) -> None:
        """Let a user try again after failed attempts; the account itself wasn't locked."""
        self._support(moment, Action.UNLOCK, lambda *_: {"changes": {"locked": [False, False]}})

    def _support(self, moment: datetime, action: Action, details: Callable[[Person, Career], dict[str, Any]]) -> None:
        """An administrator does something for another user."""
        visit = self._one_of(self._admin_sessions)
        found = self._other_user(visit) if visit else None
        if visit is None or found is None:
            return self._sign_in(moment)
        return self._add(moment, action, visit, subject=found[0], **details(*found))

    def _export(self, moment: datetime) -> None:
        visit = self._one_of(self._admin_sessions)
        if visit is None:
            return self._sign_in(moment)
        rows = self._present + bisect_right(self._arrivals, moment)
        return self._add(moment, Action.EXPORT, visit, format="csv", filters={}, rows=rows)

    def _administer(
        self, moment: datetime, action: Action, person: Person, request_id: str = "", **details: Any
    ) -> None:
        """By a signed-in administrator; at the beginning by a command."""
        visit = self._one_of(self._admin_sessions)
        self._add(moment, action, visit, subject=person, request_id=request_id, **details)

    def _create(self, number: int, moment: datetime) -> None:
        person, career = self._people[number], self._careers.career(number)
        after = {
            "username": person.username,
            "email": self._email(person, career),
            "first_name": person.first_name,
            "last_name": person.last_name,
            "is_active": self._careers.is_active_at_first(number),
        }
        changes: dict[str, object] = {name: [None, value] for name, value in after.items()}
        changes["roles"] = [[], [ROLE_NAMES[slug] for slug in self._roles(person, career)]]
        self._administer(moment, Action.CREATE, person, changes=changes)

    def _change(self, number: int, change: Change, moment: datetime) -> None:
        person = self._people[number]
        if change == Change.ROLE:
            return self._change_roles(moment, person)
        action, field_name, before, after = {
            Change.EMAIL: (Action.UPDATE, "email", person.first_email, person.email),
            Change.LOCK: (Action.LOCK, "locked", False, True),
            Change.UNLOCK: (Action.UNLOCK, "locked", True, False),
            Change.LEAVE: (Action.UPDATE, "is_active", True, False),
        }[change]
        return self._administer(moment, action, person, changes={field_name: [before, after]})

    def _change_roles(self, moment: datetime, person: Person) -> None:
        # As services do: one event for assigned roles and one for revoked ones.
        before, after = ({ROLE_NAMES[slug] for slug in roles} for roles in (person.first_roles, person.roles))
        both, request_id = sorted(before | after), self._request_id()
        for action, roles, pair in (
            (Action.ROLE_ASSIGN, after - before, [sorted(before), both]),
            (Action.ROLE_REVOKE, before - after, [both, sorted(after)]),
        ):
            if roles:
                self._administer(moment, action, person, request_id, changes={"roles": pair}, roles=sorted(roles))
