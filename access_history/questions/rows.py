"""What an answer says of each account, from its periods and those of its roles."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from access_history.models import GrantPeriod
from access_history.questions.page_sql import Account, Facts, Grant, RoleName, RolePermissions, Subject, facts_of
from access_history.questions.selection import Question
from access_history.questions.windows import STATUSES, STEP, Window, covers, cuts, overlap


class ShownGrant(NamedTuple):
    """A role that was held, as the answer names it; `until` is None where no end was known."""

    role: str
    role_id: int
    since: datetime
    until: datetime | None
    granted_by: str
    event: int


class AccessRow(NamedTuple):
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


def rows_of(question: Question, facts: Facts) -> list[AccessRow]:
    return [_row(question, subject, facts) for subject in facts.subjects.values()]


def read_rows(question: Question, user_ids: Sequence[int]) -> list[AccessRow]:
    """A row for each of these accounts, as far as there were such then, in the order of their numbers."""
    return rows_of(question, facts_of(question.window, user_ids)) if user_ids else []


def _row(question: Question, subject: Subject, facts: Facts) -> AccessRow:
    window, account = question.window, subject.accounts[-1]
    shown = [grant for grant in subject.grants if window.meets(grant)]
    given = [
        period
        for role_id in {grant.role_id for grant in shown}
        for period in facts.permissions.get(role_id, ())
        if window.meets(period)
        and (window.day is None or any(overlap(period, grant) for grant in shown if grant.role_id == role_id))
    ]
    status, begins, ends = _stretch(question, subject)
    names = {grant.role_id: _name_in(window, facts.names.get(grant.role_id, ())) for grant in shown}
    since, ending = _since(subject, facts, (ends or window.end) - STEP)
    rests_on: list[Account | Grant | RoleName | RolePermissions] = [
        *subject.accounts,
        *shown,
        *(name for name in names.values() if name),
        *given,
    ]
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
        permissions=sorted({name for period in given for name in period.permissions}),
        since=since,
        begins=begins if window.day else None,
        ends=ends,
        events=sorted({*(period.from_event for period in rests_on), *ending}),
    )


def _name_in(window: Window, names: Sequence[RoleName]) -> RoleName | None:
    found = [name for name in names if window.meets(name)]
    return found[-1] if found else None


def _shown(grant: Grant, name: RoleName | None) -> ShownGrant:
    role = name.name if name else f"role {grant.role_id}"
    return ShownGrant(role, grant.role_id, grant.from_at, grant.to_at, granted_by_of(grant), grant.from_event)


def granted_by_of(grant: Grant | GrantPeriod) -> str:
    if grant.granted_by_name:
        return grant.granted_by_name
    return f"an erased person (#{grant.granted_by_id})" if grant.granted_by_id else ""


def _stretch(question: Question, subject: Subject) -> tuple[str, datetime | None, datetime | None]:
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


def _holds(question: Question, subject: Subject, moment: datetime) -> bool:
    """Whether the account held the role and the permission that were asked for."""
    if question.role_ids is None and not question.permission:
        return True
    held = {grant.role_id for grant in subject.grants if covers(grant, moment)}
    if question.role_ids is not None and held.isdisjoint(question.role_ids):
        return False
    return not question.permission or any(
        role_id in held and begin <= moment and (end is None or moment < end)
        for role_id, begin, end in question.permission_periods
    )


def _since(subject: Subject, facts: Facts, moment: datetime) -> tuple[datetime, set[int]]:
    """When what is shown last changed before this moment, and the events of what ended then."""
    account = next((one for one in subject.accounts if covers(one, moment)), subject.accounts[-1])
    begun = [account.from_at, *(edge for edge in (account.starts_at, account.ends_at) if edge and edge <= moment)]
    ended: list[tuple[datetime, int | None]] = []
    periods: list[Grant | RolePermissions] = [*subject.grants]
    for role_id in {grant.role_id for grant in subject.grants if covers(grant, moment)}:
        begun += [name.from_at for name in facts.names.get(role_id, ()) if covers(name, moment)]
        periods += facts.permissions.get(role_id, ())
    for period in periods:
        if covers(period, moment):
            begun.append(period.from_at)
        elif period.to_at is not None and period.from_at < period.to_at <= moment:
            # An end that was planned: the event that planned it says so, and another one comes later.
            is_planned = isinstance(period, Grant) and period.to_at == period.ends_at
            ended.append((period.to_at, None if is_planned else period.to_event))
    since = max([*begun, *(to_at for to_at, _ in ended)])
    return since, {event for to_at, event in ended if to_at == since and event is not None}
