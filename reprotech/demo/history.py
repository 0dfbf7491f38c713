"""Simulates the laboratory event by event. Events and accounts agree, since each event changes an account at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import Role, Session, TotpKey
from accounts.roles.services import creation_changes
from audit.crypto.sealed_row import SALT_BYTES, VERSION, SealedRow
from audit.models import Action
from reprotech.core.actors import System
from reprotech.demo.calendar import Day, days, sign_in_times
from reprotech.demo.people import (
    BROWSERS,
    DOMAIN,
    FORMER_DOMAIN,
    ROLE_NAMES,
    USERS_PER_ADMINISTRATOR,
    Account,
    new_account,
)

#: At most; later ones replace the first of them.
INACTIVE_SHARE, LOCKED_SHARE = 0.06, 0.004
EXTERNAL_SHARE = 0.1  # of requests, from outside the laboratory's network
SCRIPT_USER_AGENT = "python-requests/2.32.5"
COMMAND_USER_AGENT = "manage.py users (root)"
#: A page session expires after this time without use; its end is recorded up to SWEEP_SECONDS later.
IDLE_LIMIT, SWEEP_SECONDS = timedelta(hours=1), 30
Activity = Callable[..., SealedRow]
AUTH_ACTIONS = {Action.LOGIN, Action.LOGOUT, Action.SESSION_END, Action.TOKEN_REFRESH}


@dataclass(slots=True, eq=False)
class Visit:
    """One open session of an account, from its sign-in on."""

    account: Account
    id: UUID
    kind: Session.Kind
    ip_address: str
    user_agent: str
    began: datetime
    last_used: datetime


class History:
    """The accounts, and the sessions that are open, after the events so far; the same for the same seed.

    Accounts get ids from `first_id` on, and their authenticator apps from `first_app_id` on.
    """

    def __init__(self, first_id: int, seed: int, first_app_id: int = 1) -> None:
        self.accounts: list[Account] = []
        self.visits: list[Visit] = []
        self._first_id, self._next_app_id = first_id, first_app_id
        self._chance = Random(seed)  # noqa: S311 (nothing of it is secret)  # nosec B311
        #: In their session the day's administration is done.
        self._administrator: Visit | None = None
        self._inactive: deque[Account] = deque()
        self._locked: deque[Account] = deque()
        #: What happens, with its percentage; drawn like cards, so that a short history has everything.
        self._without_session: dict[Activity, int] = {self._sign_in: 31, self._sign_in_by_script: 10, self._fail: 5}
        self._in_session: dict[Activity, int] = {
            self._sign_out: 20,
            self._time_out: 12,
            self._refresh: 7,
            self._deny: 1,
            self._change_password: 1,
            self._add_app: 6,
        }
        self._by_administrator: dict[Activity, int] = {
            self._send_reset_link: 2,
            self._export: 1,
            self._change_email: 1,
            self._change_roles: 1,
            self._lock: 1,
            self._deactivate: 1,
        }
        self._cards: list[Activity] = []

    def events(self, users: int, count: int, until: datetime) -> Iterator[SealedRow]:
        """So many events, in the course of which so many users join; of many users only the last have an event."""
        silent = users - min(users, count // 2)
        for day in days(users, count - (users - silent), until):
            times = sign_in_times(self._chance, day.date, day.new + day.events, until)
            yield from self._day(day, times, silent)

    def roles(self, moment: datetime, roles: Iterable[Role]) -> Iterator[SealedRow]:
        """The events that create the roles."""
        for role in roles:
            changes = {field: list(pair) for field, pair in creation_changes(role).items()}
            event = self._event(moment, Action.CREATE, changes=changes)
            yield event._replace(resource="role", resource_id=str(role.pk), resource_name=role.name)

    def _day(self, day: Day, times: list[datetime], silent: int) -> Iterator[SealedRow]:
        self.visits.clear()
        self._administrator, new = None, day.new
        for moment in times:
            if new and day.events and self.accounts and not self._administrator:
                yield self._sign_in(moment, self._some_administrator())
            elif new:
                new -= 1
                account = self._join(moment)
                if account.number >= silent:
                    yield self._create(moment, account)
            else:
                yield self._act(moment)

    def _join(self, moment: datetime) -> Account:
        account = new_account(len(self.accounts), self._chance, moment)
        self.accounts.append(account)
        return account

    def _act(self, moment: datetime) -> SealedRow:
        if not self._cards:
            percentages = self._without_session | self._in_session | self._by_administrator
            self._cards = self._chance.sample([*percentages], counts=[*percentages.values()], k=100)
        do, someone, visit = self._cards[-1], self._someone(), self._open_visit()
        if do in self._by_administrator:
            if not self._administrator:
                return self._sign_in(moment, self._some_administrator())
            # Administrators stay as they are: there is always one to act.
            visit = None if someone.is_administrator else self._administrator
        self._cards.pop()
        # What the moment doesn't allow becomes a sign-in.
        is_possible = visit or do in self._without_session
        return do(moment, someone, visit) if is_possible else self._sign_in(moment, someone)

    def _event(
        self,
        moment: datetime,
        action: Action,
        visit: Visit | None = None,
        *,
        actor: Account | None = None,
        subject: Account | None = None,
        success: bool = True,
        **details: object,
    ) -> SealedRow:
        if visit:
            actor, visit.last_used = visit.account, moment
        return SealedRow(
            None,
            VERSION,
            moment,
            self.id_of(actor) if actor else None,
            actor.username if actor else System().username,
            action.value,
            "auth" if action in AUTH_ACTIONS else "user",
            str(self.id_of(subject)) if subject else "",
            subject.username if subject else "",
            success,
            visit.ip_address if visit else self._address(actor) if actor else None,
            visit.user_agent if visit else self._browser(actor) if actor else COMMAND_USER_AGENT,
            f"{self._chance.getrandbits(128):032x}" if actor else "",
            visit.id if visit else None,
            details,
            self._chance.randbytes(SALT_BYTES),
            self._chance.randbytes(SALT_BYTES),
        )

    def id_of(self, account: Account) -> int:
        return self._first_id + account.number

    def _address(self, account: Account) -> str:
        if self._chance.random() < EXTERNAL_SHARE:
            return f"203.0.113.{self._chance.randrange(1, 255)}"
        return f"10.20.{account.number // 250 % 250}.{account.number % 250 + 1}"

    def _browser(self, account: Account) -> str:
        return BROWSERS[account.number * 7 % len(BROWSERS)]

    def _someone(self) -> Account:
        """A user who can sign in."""
        while True:
            account = self._chance.choice(self.accounts)
            if account.is_active and not account.locked_at:
                return account

    def _some_administrator(self) -> Account:
        return self._chance.choice(self.accounts[::USERS_PER_ADMINISTRATOR])

    def _open_visit(self) -> Visit | None:
        """A random one, but no administrator's: theirs stay open all day."""
        visit = self._chance.choice(self.visits) if self.visits else None
        return visit if visit and not visit.account.is_administrator else None

    def _end_visits(self, account: Account, kept: Visit | None = None) -> int:
        staying = [visit for visit in self.visits if visit.account is not account or visit is kept]
        ended, self.visits = len(self.visits) - len(staying), staying
        return ended

    # Each of these is an event: of someone, in an open session or in that of an administrator.

    def _sign_in(
        self, moment: datetime, someone: Account, _: Visit | None = None, kind: Session.Kind = Session.Kind.PAGE
    ) -> SealedRow:
        user_agent = SCRIPT_USER_AGENT if kind == Session.Kind.TOKEN else self._browser(someone)
        session_id = UUID(int=self._chance.getrandbits(128), version=4)
        visit = Visit(someone, session_id, kind, self._address(someone), user_agent, moment, moment)
        self.visits.append(visit)
        someone.last_login = moment
        if someone.is_administrator and kind == Session.Kind.PAGE:
            self._administrator = visit
        app: dict[str, Any] = {"factor": TotpKey.kind} if someone.app_id else {}
        method = "+".join(["password", *app.values()])
        return self._event(moment, Action.LOGIN, visit, kind=kind.value, roles=someone.role_names, method=method, **app)

    def _sign_in_by_script(self, moment: datetime, someone: Account, visit: Visit | None) -> SealedRow:
        return self._sign_in(moment, someone, visit, Session.Kind.TOKEN)

    def _fail(self, moment: datetime, someone: Account, _: Visit | None) -> SealedRow:
        return self._event(moment, Action.LOGIN, actor=someone, success=False, reason="The password is wrong.")

    def _sign_out(self, moment: datetime, _: Account, visit: Visit) -> SealedRow:
        self.visits.remove(visit)
        return self._event(moment, Action.LOGOUT, visit)

    def _time_out(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        """A page session that was idle for so long that it expired, a moment ago."""
        ended_at = moment - timedelta(seconds=self._chance.random() * SWEEP_SECONDS)
        if visit.kind != Session.Kind.PAGE or ended_at - IDLE_LIMIT < visit.last_used:
            return self._sign_in(moment, someone)
        self.visits.remove(visit)
        ended = DjangoJSONEncoder().default(ended_at)
        event = self._event(moment, Action.SESSION_END, visit, reason="idle", kind=visit.kind.value, ended_at=ended)
        return event._replace(ip_address=None, user_agent="", request_id="")

    def _refresh(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        if visit.kind != Session.Kind.TOKEN:
            return self._sign_in_by_script(moment, someone, visit)
        return self._event(moment, Action.TOKEN_REFRESH, visit)

    def _deny(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        return self._event(
            moment, Action.ACCESS_DENIED, visit, subject=someone, success=False,
            required="user_delete", method="DELETE", path=f"/api/users/{self.id_of(someone)}",
        )  # fmt: skip

    def _change_password(self, moment: datetime, _: Account, visit: Visit) -> SealedRow:
        ended, account = self._end_visits(visit.account, kept=visit), visit.account
        account.password_changed_at = moment
        return self._event(
            moment, Action.PASSWORD_CHANGE, visit, subject=account, must_change=False, ended_sessions=ended
        )

    def _add_app(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        account = visit.account
        if account.app_id or visit.kind != Session.Kind.PAGE:
            return self._sign_in(moment, someone)
        account.app_id, account.app_added_at = self._next_app_id, moment
        self._next_app_id += 1
        event = self._event(moment, Action.FACTOR_ADD, visit, kind=TotpKey.kind)
        return event._replace(resource="factor", resource_id=str(account.app_id), resource_name=TotpKey.name)

    def _create(self, moment: datetime, account: Account) -> SealedRow:
        """By a signed-in administrator; at the beginning by a command."""
        fields = ("username", "email", "first_name", "last_name", "is_active")
        changes: dict[str, object] = {name: [None, getattr(account, name)] for name in fields}
        changes["roles"] = [[], account.role_names]
        return self._event(moment, Action.CREATE, self._administrator, subject=account, changes=changes)

    def _send_reset_link(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        return self._event(moment, Action.PASSWORD_RESET, visit, subject=someone, sent_to=someone.email)

    def _export(self, moment: datetime, _: Account, visit: Visit) -> SealedRow:
        return self._event(moment, Action.EXPORT, visit, format="csv", filters={}, rows=len(self.accounts))

    def _change_email(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        before, is_former = someone.email, someone.email.endswith(f"@{FORMER_DOMAIN}")
        someone.email = f"{someone.username}@{DOMAIN if is_former else FORMER_DOMAIN}"
        return self._change(moment, Action.UPDATE, visit, someone, email=[before, someone.email])

    def _change_roles(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        """Assign a second role, or revoke it."""
        before, (first, *more) = someone.role_names, someone.roles
        second = "viewer" if first != "viewer" else "lab_technician"
        someone.roles = (first,) if more else (first, second)
        action = Action.ROLE_REVOKE if more else Action.ROLE_ASSIGN
        event = self._change(moment, action, visit, someone, roles=[before, someone.role_names])
        return event._replace(details={**event.details, "roles": [ROLE_NAMES[second]]})

    def _lock(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        if len(self._locked) > LOCKED_SHARE * len(self.accounts):
            someone = self._locked.popleft()
            someone.locked_at = None
            return self._change(moment, Action.UNLOCK, visit, someone, locked=[True, False])
        self._locked.append(someone)
        someone.locked_at = moment
        self._end_visits(someone)
        return self._change(moment, Action.LOCK, visit, someone, locked=[False, True])

    def _deactivate(self, moment: datetime, someone: Account, visit: Visit) -> SealedRow:
        if len(self._inactive) > INACTIVE_SHARE * len(self.accounts):
            someone = self._inactive.popleft()
        else:
            self._inactive.append(someone)
            self._end_visits(someone)
        someone.is_active = not someone.is_active
        pair = [not someone.is_active, someone.is_active]
        return self._change(moment, Action.UPDATE, visit, someone, is_active=pair)

    def _change(
        self, moment: datetime, action: Action, visit: Visit, account: Account, **changes: Sequence[object]
    ) -> SealedRow:
        account.updated_at = moment
        return self._event(moment, action, visit, subject=account, changes=changes)
