"""What an answer says of each account, from its periods and those of its roles."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from access_history.models import AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod
from access_history.questions.selection import Question, overlapping
from access_history.questions.windows import STATUSES, STEP, Window, covers, cuts, overlap

PERMISSION_COLUMNS = ("role_id", "permission", "from_at", "to_at", "from_event", "to_event")


@dataclass(frozen=True, slots=True)
class ShownGrant:
    """A role that was held, as the answer names it; `until` is None where no end was known."""

    role: str
    role_id: int
    since: datetime
    until: datetime | None
    granted_by: str
    event: int


@dataclass(frozen=True, slots=True)
class AccessRow:
    """An account with what it could do; `begins` and `ends` are those within a day, None for a moment."""

    id: int
    username: str
    full_name: str
    is_service: bool
    status: str
    role_grants: list[ShownGrant]
    permissions: list[str]
    since: datetime
    begins: datetime | None
    ends: datetime | None
    events: list[int]

    @property
    def roles(self) -> list[str]:
        return sorted({grant.role for grant in self.role_grants})

    @property
    def granted_by(self) -> str:
        """Who gave the newest of the roles that are shown."""
        newest = max(self.role_grants, key=lambda grant: (grant.since, grant.event), default=None)
        return newest.granted_by if newest else ""

    @property
    def is_erased(self) -> bool:
        return not self.username


class RoleBook:
    """Names and permissions of roles, with what they were before."""

    def __init__(self, window: Window, role_ids: Iterable[int] | None = None) -> None:
        """Of these roles, or of all."""
        names: Any = RolePeriod.objects.all()
        permissions: Any = RolePermissionPeriod.objects.all()
        if role_ids is not None:
            wanted = sorted(set(role_ids))
            names, permissions = names.filter(role_id__in=wanted), permissions.filter(role_id__in=wanted)
        self.names: Mapping[int, list[RolePeriod]] = _by_role(names.filter(from_at__lt=window.end))
        self.permissions: Mapping[int, list[RolePermissionPeriod]] = _by_role(
            # Hundreds of them: tuples are made faster than instances.
            permissions.filter(from_at__lt=window.end).order_by().values_list(*PERMISSION_COLUMNS, named=True)
        )

    def name_in(self, role_id: int, window: Window) -> RolePeriod | None:
        found = [name for name in self.names.get(role_id, ()) if window.meets(name)]
        return found[-1] if found else None


def _by_role(periods: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for period in sorted(periods, key=lambda period: period.from_at):
        found[period.role_id].append(period)
    return found


@dataclass(slots=True)
class _Subject:
    """The periods of one account."""

    accounts: list[AccountPeriod] = field(default_factory=list)
    #: With those that ended before.
    grants: list[GrantPeriod] = field(default_factory=list)


def read_rows(question: Question, user_ids: Sequence[int], book: RoleBook | None = None) -> list[AccessRow]:
    """A row for each of these accounts, in their order, in four queries, two with a `book`."""
    window = question.window
    subjects = {user_id: _Subject() for user_id in user_ids}
    accounts: Any = overlapping(AccountPeriod.objects.filter(user_id__in=user_ids), window).order_by("from_at")
    for account in accounts:
        subjects[account.user_id].accounts.append(account)
    grants: Any = GrantPeriod.objects.filter(user_id__in=user_ids, from_at__lt=window.end)
    for grant in grants.order_by("from_at", "from_event"):
        subjects[grant.user_id].grants.append(grant)
    if book is None:
        held = {grant.role_id for subject in subjects.values() for grant in subject.grants}
        book = RoleBook(window, held)
    return [_row(question, subject, book) for subject in subjects.values() if subject.accounts]


def _row(question: Question, subject: _Subject, book: RoleBook) -> AccessRow:
    window, account = question.window, subject.accounts[-1]
    shown = [grant for grant in subject.grants if window.meets(grant)]
    given = [
        period
        for role_id in {grant.role_id for grant in shown}
        for period in book.permissions.get(role_id, ())
        if window.meets(period)
        and (window.day is None or any(overlap(period, grant) for grant in shown if grant.role_id == role_id))
    ]
    status, begins, ends = _stretch(question, subject)
    names = {grant.role_id: book.name_in(grant.role_id, window) for grant in shown}
    since, ending = _since(subject, book, (ends or window.end) - STEP)
    rests_on = [*subject.accounts, *shown, *(name for name in names.values() if name), *given]
    return AccessRow(
        id=account.user_id,
        username=account.username,
        full_name=account.full_name,
        is_service=account.is_service,
        status=status,
        role_grants=sorted(
            (_shown(grant, names[grant.role_id]) for grant in shown),
            key=lambda grant: (grant.since, grant.role, grant.event),
        ),
        permissions=sorted({period.permission for period in given}),
        since=since,
        begins=begins if window.day else None,
        ends=ends,
        events=sorted({*(period.from_event for period in rests_on), *ending}),
    )


def _shown(grant: GrantPeriod, name: RolePeriod | None) -> ShownGrant:
    role = name.name if name else f"role {grant.role_id}"
    return ShownGrant(role, grant.role_id, grant.from_at, grant.to_at, granted_by_of(grant), grant.from_event)


def granted_by_of(grant: GrantPeriod) -> str:
    if grant.granted_by_name:
        return grant.granted_by_name
    return f"an erased person (#{grant.granted_by_id})" if grant.granted_by_id else ""


def _stretch(question: Question, subject: _Subject) -> tuple[str, datetime | None, datetime | None]:
    """The most open status of those in which the account matched, with its first moment and its end within the day."""
    window, accounts = question.window, subject.accounts
    if window.day is None:
        return accounts[-1].status_at(window.begin), None, None
    edges = [edge for one in accounts for edge in (one.from_at, one.to_at, one.starts_at, one.ends_at)]
    edges += [edge for grant in subject.grants for edge in (grant.from_at, grant.to_at)]
    if question.permission:
        edges += [edge for _, begin, end in question.permission_periods for edge in (begin, end)]
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for begin, end in cuts(window, edges):
        account = next((one for one in accounts if covers(one, begin)), None)
        if account and _holds(question, subject, begin):
            found[account.status_at(begin)].append((begin, end))
    wanted = [question.status] if question.status else STATUSES
    status = next((one for one in wanted if found[one]), accounts[-1].status_at(window.last))
    if not found[status]:
        return status, None, None
    end = found[status][-1][1]
    return status, found[status][0][0], None if end == window.end else end


def _holds(question: Question, subject: _Subject, moment: datetime) -> bool:
    """Whether the account held the role and the permission that were asked for."""
    held = {grant.role_id for grant in subject.grants if covers(grant, moment)}
    if question.role_ids is not None and held.isdisjoint(question.role_ids):
        return False
    return not question.permission or any(
        role_id in held and begin <= moment and (end is None or moment < end)
        for role_id, begin, end in question.permission_periods
    )


def _since(subject: _Subject, book: RoleBook, moment: datetime) -> tuple[datetime, set[int]]:
    """When what is shown last changed before this moment, and the events of what ended then."""
    account = next((one for one in subject.accounts if covers(one, moment)), subject.accounts[-1])
    begun = [account.from_at, *(edge for edge in (account.starts_at, account.ends_at) if edge and edge <= moment)]
    ended: list[tuple[datetime, int | None]] = []
    periods: list[GrantPeriod | RolePermissionPeriod] = [*subject.grants]
    for role_id in {grant.role_id for grant in subject.grants if covers(grant, moment)}:
        begun += [name.from_at for name in book.names.get(role_id, ()) if covers(name, moment)]
        periods += book.permissions.get(role_id, ())
    for period in periods:
        if covers(period, moment):
            begun.append(period.from_at)
        elif period.to_at is not None and period.from_at < period.to_at <= moment:
            # An end that was planned: the event that planned it says so, and another one comes later.
            is_planned = isinstance(period, GrantPeriod) and period.to_at == period.ends_at
            ended.append((period.to_at, None if is_planned else period.to_event))
    since = max([*begun, *(to_at for to_at, _ in ended)])
    return since, {event for to_at, event in ended if to_at == since and event is not None}
