"""Simulates one day: who is at work, what they do, and what an administrator changes of accounts."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import NamedTuple
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from accounts.core.catalogue import ROLES
from accounts.models import Session
from audit.crypto.canonical_json import SALT_BYTES, VERSION, SealedRow
from audit.models import Action
from reprotech.core.actors import System
from reprotech.demo.calendar import Day, midnight
from reprotech.demo.employment import NEVER, Career, Careers, Change, event_count
from reprotech.demo.people import People, Person

ROLE_NAMES = {role.slug: role.name for role in ROLES}
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
)
#: The share of requests from other networks than the laboratory's own.
EXTERNAL_SHARE = 0.1
SCRIPT_USER_AGENT = "python-requests/2.32.5"
#: A page's session lasts so long without use, and so many seconds later its end is on record.
IDLE_LIMIT, SWEEP_SECONDS = timedelta(hours=1), 30
ENCODER = DjangoJSONEncoder()
#: What the log has for a command in the place of a browser.
COMMAND_USER_AGENT = "manage.py users (root)"
SYSTEM_NAME = System().username


class DemoSession(NamedTuple):
    person: Person
    life: Career
    session_id: UUID
    kind: Session.Kind
    ip_address: str
    user_agent: str


@dataclass(slots=True)
class DayEvents:
    """The outcome of a simulated day."""

    #: In the order of their times, and without ids yet.
    events: list[SealedRow] = field(default_factory=list)
    #: The last sign-in of each person who had one, by number.
    sign_ins: dict[int, datetime] = field(default_factory=dict)
    #: Sessions that nobody signed out of, with their beginning.
    visits: dict[UUID, tuple[DemoSession, datetime]] = field(default_factory=dict)


class DaySimulation:
    """One day, whose events depend on `chance` alone."""

    def __init__(
        self, day: Day, *, people: People, lives: Careers, first_id: int, chance: Random, arrivals: list[datetime]
    ) -> None:
        self._people = people
        self._lives = lives
        self._first_id = first_id
        self._day = day
        self._arrivals = arrivals
        #: People who had an account in the morning.
        self._present = day.people - day.new
        self._chance = chance
        self._past = DayEvents()
        self._visits: list[DemoSession] = []
        self._open_counts: Counter[int] = Counter()
        self._last_uses: dict[UUID, datetime] = {}
        #: Those of administrators, in which they look after accounts.
        self._desks: list[DemoSession] = []
        #: What may happen, and in how many of a thousand cases.
        self._kinds: list[Callable[[datetime], None]] = []
        self._weights: list[int] = []
        for kind, weight in (
            (self._sign_in, 400),
            (self._sign_in_by_script, 95),
            (self._sign_out, 200),
            (self._time_out, 130),
            (self._refresh, 75),
            (self._fail, 48),
            (self._deny, 12),
            (self._change_password, 10),
            (self._send_reset_link, 20),
            (self._let_try_again, 6),
            (self._export, 4),
        ):
            self._kinds.append(kind)
            self._weights.append(weight)

    def past(self, moments_of: Callable[[int], list[datetime]]) -> DayEvents:
        """The day's events; `moments_of` returns the given number of times of the day."""
        day, count = self._day, self._day.events
        told = range(day.people - day.told, day.people)
        agenda: list[tuple[datetime, Callable[[datetime], None]]] = [
            (moment, partial(self._create, number))
            for moment, number in zip(self._arrivals[day.new - day.told :], told, strict=True)
        ]
        for packed in day.changes:
            number, change = self._lives.unpacked(packed)
            agenda.append((self._lives.moment(number, change, day.number), partial(self._change, number, change)))
            count -= event_count(change, self._people[number])
        if agenda and self._present and count:
            # An administrator has to be signed in for it.
            morning, first = midnight(day.date), min(moment for moment, _ in agenda)
            agenda.append((morning + (first - morning) * self._chance.random(), self._open_desk))
            count -= 1
        agenda += zip(moments_of(count), self._chance.choices(self._kinds, self._weights, k=count), strict=True)
        for moment, do in sorted(agenda, key=lambda entry: entry[0]):
            do(moment)
        return self._past

    def _add(
        self,
        moment: datetime,
        action: Action,
        resource: str,
        actor: Person | None,
        *,
        subject: Person | None = None,
        visit: DemoSession | None = None,
        success: bool = True,
        details: Mapping[str, object] | None = None,
        request_id: str = "",
        is_attended: bool = True,
    ) -> None:
        chance = self._chance
        is_request = actor is not None and is_attended
        if visit:
            self._last_uses[visit.session_id] = moment
        self._past.events.append(
            SealedRow(
                None,
                VERSION,
                moment,
                self._first_id + actor.number if actor else None,
                actor.username if actor else SYSTEM_NAME,
                action.value,
                resource,
                str(self._first_id + subject.number) if subject else "",
                subject.username if subject else "",
                success,
                (visit.ip_address if visit else self._address(actor)) if actor and is_attended else None,
                self._user_agent(actor, visit) if is_attended else "",
                (request_id or self._request_id()) if is_request else "",
                visit.session_id if visit else None,
                dict(details or {}),
                chance.randbytes(SALT_BYTES),
                chance.randbytes(SALT_BYTES),
            )
        )

    def _user_agent(self, actor: Person | None, visit: DemoSession | None) -> str:
        if visit:
            return visit.user_agent
        return self._browser(actor) if actor else COMMAND_USER_AGENT

    def _request_id(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"

    # Who

    def _somebody(self) -> tuple[Person, Career]:
        """A user who can sign in on this day, and whose account doesn't change on it."""
        while True:
            number = self._chance.randrange(self._present)
            life = self._lives.life(number)
            if self._lives.can_work(number, life, self._day.number):
                return self._people[number], life

    def _somebody_else(self, visit: DemoSession) -> tuple[Person, Career] | None:
        found = self._somebody()
        return found if found[0].number != visit.person.number else None

    def _address(self, person: Person) -> str:
        if self._chance.random() < EXTERNAL_SHARE:
            return f"203.0.113.{self._chance.randrange(1, 255)}"
        return f"10.20.{person.number // 250 % 250}.{person.number % 250 + 1}"

    def _browser(self, person: Person) -> str:
        return BROWSERS[person.number * 7 % len(BROWSERS)]

    def _is_administrator(self, person: Person) -> bool:
        return person.number < self._people.administrators

    def _roles(self, person: Person, life: Career) -> tuple[str, ...]:
        return person.first_roles if self._day.number < life.role != NEVER else person.roles

    def _email(self, person: Person, life: Career) -> str:
        return person.first_email if self._day.number < life.email != NEVER else person.email

    def _visit(self, moment: datetime, who: tuple[Person, Career], kind: Session.Kind, user_agent: str) -> DemoSession:
        session_id = UUID(int=self._chance.getrandbits(128), version=4)
        visit = DemoSession(*who, session_id, kind, self._address(who[0]), user_agent)
        held = [ROLE_NAMES[slug] for slug in self._roles(*who)]
        details = {"kind": kind.value, "roles": held, "method": "password"}
        self._add(moment, Action.LOGIN, "auth", visit.person, visit=visit, details=details)
        self._past.sign_ins[visit.person.number] = moment
        self._past.visits[session_id] = visit, moment
        return visit

    def _open_visit(self) -> DemoSession | None:
        return self._chance.choice(self._visits) if self._visits else None

    def _desk(self) -> DemoSession | None:
        return self._chance.choice(self._desks) if self._desks else None

    # What

    def _sign_in(self, moment: datetime) -> None:
        who = self._somebody()
        visit = self._visit(moment, who, Session.Kind.PAGE, self._browser(who[0]))
        self._keep_open(visit)
        if self._is_administrator(visit.person):
            self._desks.append(visit)

    def _open_desk(self, moment: datetime) -> None:
        number = self._chance.randrange(min(self._people.administrators, self._present))
        person = self._people[number]
        who = person, self._lives.life(number)
        self._desks.append(self._visit(moment, who, Session.Kind.PAGE, self._browser(person)))

    def _sign_in_by_script(self, moment: datetime) -> None:
        self._keep_open(self._visit(moment, self._somebody(), Session.Kind.TOKEN, SCRIPT_USER_AGENT))

    def _sign_out(self, moment: datetime) -> None:
        if not self._visits:
            return self._sign_in(moment)
        position = self._chance.randrange(len(self._visits))
        visit = self._visits[position]
        self._add(moment, Action.LOGOUT, "auth", visit.person, visit=visit)
        self._end(position)
        return None

    def _time_out(self, moment: datetime) -> None:
        """A page session that was idle for so long that it expired, a moment ago."""
        position = self._chance.randrange(len(self._visits)) if self._visits else 0
        visit = self._visits[position] if self._visits else None
        ended_at = moment - timedelta(seconds=self._chance.random() * SWEEP_SECONDS)
        if (
            visit is None
            or visit.kind != Session.Kind.PAGE
            or ended_at - IDLE_LIMIT < self._last_uses[visit.session_id]
        ):
            return self._sign_in(moment)
        details = {"reason": "idle", "kind": visit.kind.value, "ended_at": ENCODER.default(ended_at)}
        self._add(moment, Action.SESSION_END, "auth", visit.person, visit=visit, details=details, is_attended=False)
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
            self._desks.remove(visit)
        del self._past.visits[visit.session_id], self._last_uses[visit.session_id]

    def _refresh(self, moment: datetime) -> None:
        visit = self._open_visit()
        if visit is None or visit.kind != Session.Kind.TOKEN:
            return self._sign_in_by_script(moment)
        return self._add(moment, Action.TOKEN_REFRESH, "auth", visit.person, visit=visit)

    def _fail(self, moment: datetime) -> None:
        person, _ = self._somebody()
        self._add(moment, Action.LOGIN, "auth", person, success=False, details={"reason": "The password is wrong."})

    def _deny(self, moment: datetime) -> None:
        visit = self._open_visit()
        if visit is None or self._is_administrator(visit.person):
            return self._sign_in(moment)
        subject, _ = self._somebody()
        path = f"/api/users/{self._first_id + subject.number}"
        details = {"required": "user_delete", "method": "DELETE", "path": path}
        return self._add(
            moment, Action.ACCESS_DENIED, "user", visit.person,
            subject=subject, visit=visit, success=False, details=details,
        )  # fmt: skip

    def _change_password(self, moment: datetime) -> None:
        visit = self._open_visit()
        # Of administrators other sessions are needed, which this would end.
        if visit is None or self._is_administrator(visit.person):
            return self._sign_in(moment)
        number, ended = visit.person.number, self._open_counts[visit.person.number] - 1
        if ended:
            for position in reversed(range(len(self._visits))):
                if self._visits[position].person.number == number and self._visits[position] is not visit:
                    self._end(position)
        details = {"must_change": False, "ended_sessions": ended}
        return self._add(
            moment, Action.PASSWORD_CHANGE, "user", visit.person, subject=visit.person, visit=visit, details=details
        )

    def _send_reset_link(self, moment: datetime) -> None:
        visit = self._desk()
        found = self._somebody_else(visit) if visit else None
        if visit is None or found is None:
            return self._sign_in(moment)
        details = {"sent_to": self._email(*found)}
        return self._add(
            moment, Action.PASSWORD_RESET, "user", visit.person, subject=found[0], visit=visit, details=details
        )

    def _let_try_again(self, moment: datetime) -> None:
        """Resets failed attempts; the account itself wasn't locked."""
        visit = self._desk()
        found = self._somebody_else(visit) if visit else None
        if visit is None or found is None:
            return self._sign_in(moment)
        details = {"changes": {"locked": [False, False]}}
        return self._add(moment, Action.UNLOCK, "user", visit.person, subject=found[0], visit=visit, details=details)

    def _export(self, moment: datetime) -> None:
        visit = self._desk()
        if visit is None:
            return self._sign_in(moment)
        rows = self._present + bisect_right(self._arrivals, moment)
        details = {"format": "csv", "filters": {}, "rows": rows}
        return self._add(moment, Action.EXPORT, "user", visit.person, visit=visit, details=details)

    # What becomes of accounts

    def _administer(
        self, moment: datetime, action: Action, person: Person, details: Mapping[str, object], request_id: str = ""
    ) -> None:
        """By a signed-in administrator; at the beginning by a command."""
        visit = self._desk()
        self._add(
            moment, action, "user", visit.person if visit else None,
            subject=person, visit=visit, details=details, request_id=request_id,
        )  # fmt: skip

    def _create(self, number: int, moment: datetime) -> None:
        person, life = self._people[number], self._lives.life(number)
        after = {
            "username": person.username,
            "email": self._email(person, life),
            "first_name": person.first_name,
            "last_name": person.last_name,
            "is_active": self._lives.is_active_at_first(number),
        }
        changes: dict[str, object] = {name: [None, value] for name, value in after.items()}
        changes["roles"] = [[], [ROLE_NAMES[slug] for slug in self._roles(person, life)]]
        self._administer(moment, Action.CREATE, person, {"changes": changes})

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
        return self._administer(moment, action, person, {"changes": {field_name: [before, after]}})

    def _change_roles(self, moment: datetime, person: Person) -> None:
        # As services do: one event for assigned roles and one for revoked ones.
        before, after = ({ROLE_NAMES[slug] for slug in roles} for roles in (person.first_roles, person.roles))
        both, request_id = sorted(before | after), self._request_id()
        given = {"changes": {"roles": [sorted(before), both]}, "roles": sorted(after - before)}
        self._administer(moment, Action.ROLE_ASSIGN, person, given, request_id)
        if before - after:
            taken = {"changes": {"roles": [both, sorted(after)]}, "roles": sorted(before - after)}
            self._administer(moment, Action.ROLE_REVOKE, person, taken, request_id)
