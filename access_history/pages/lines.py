"""One account's history: what became of it, and from when until when it held each role."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from access_history.models import AccountPeriod, GrantPeriod, RolePeriod
from access_history.questions.rows import granted_by_of
from access_history.questions.windows import covers
from audit.models import AuditLog

#: The width of a time line, in units of its drawing.
WIDTH = 1_000
#: So that a moment can be seen.
MIN_WIDTH = 4
#: Periods of a role that are shown before one asks for the others.
SHOWN_PERIODS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a time line: an SVG rectangle, whose `kind` is a CSS class."""

    x: int
    width: int
    kind: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to the account."""

    moment: datetime
    icon: str
    sentence: str
    event: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GrantLine:
    begins: datetime
    ends: datetime | None
    is_planned: bool
    is_over: bool
    granted_by: str
    event: int
    end_event: int | None
    reason: str
    end_reason: str


@dataclass(slots=True)
class RoleLine:
    """A role and when it was held, the latest first."""

    role_id: int
    name: str
    #: What it is called since, if that changed.
    later_name: str
    periods: list[GrantLine] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    @property
    def is_held(self) -> bool:
        return any(not period.is_over and not period.is_planned for period in self.periods)

    @property
    def latest(self) -> list[GrantLine]:
        return self.periods[:SHOWN_PERIODS]

    @property
    def earlier(self) -> list[GrantLine]:
        return self.periods[SHOWN_PERIODS:]


@dataclass(frozen=True, slots=True)
class PersonHistory:
    name: str
    begins: datetime
    changes: list[Change]
    bars: list[Bar]
    roles: list[RoleLine]
    #: The years that are written below the lines: (x, year).
    years: list[tuple[int, int]]


def read_history(user_id: int, now: datetime) -> PersonHistory | None:
    """None for an account of which nothing is known; in four queries however long it is."""
    accounts: list[Any] = list(AccountPeriod.objects.filter(user_id=user_id).order_by("from_at", "id"))
    if not accounts:
        return None
    grants: list[Any] = [
        grant
        for grant in GrantPeriod.objects.filter(user_id=user_id).order_by("from_at", "id")
        if grant.to_at is None or grant.to_at > grant.from_at
    ]
    names: dict[int, list[Any]] = defaultdict(list)
    for name in RolePeriod.objects.filter(role_id__in={grant.role_id for grant in grants}).order_by("from_at", "id"):
        names[name.role_id].append(name)
    reasons = _reasons([*accounts, *grants])
    scale = _Scale(accounts[0].from_at, now)
    return PersonHistory(
        name=accounts[-1].full_name,
        begins=accounts[0].from_at,
        changes=sorted(_changes(accounts, reasons), key=lambda change: change.moment, reverse=True),
        bars=_account_bars(accounts, scale),
        roles=_roles(grants, names, reasons, scale),
        years=scale.years(),
    )


def _reasons(periods: Iterable[Any]) -> dict[int, str]:
    """The reasons that were given, by event; none of events that were archived."""
    ids = {event for period in periods for event in (period.from_event, period.to_event) if event}
    events = AuditLog.objects.filter(pk__in=sorted(ids), details__has_key="reason_given").order_by()
    # Of an erased person they are empty.
    return {pk: str(details["reason_given"] or "") for pk, details in events.values_list("pk", "details")}


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where moments stand on a line."""

    begin: datetime
    end: datetime

    def x(self, moment: datetime) -> int:
        span = (self.end - self.begin).total_seconds() or 1
        return round(min(max((moment - self.begin).total_seconds() / span, 0), 1) * WIDTH)

    def bar(self, begin: datetime, end: datetime | None, kind: str) -> Bar | None:
        if begin >= self.end:
            return None
        left, right = self.x(begin), self.x(end or self.end)
        width = max(right - left, MIN_WIDTH)
        return Bar(min(left, WIDTH - width), width, kind)

    def years(self) -> list[tuple[int, int]]:
        """The beginnings of years, not all where they would touch."""
        found = range(self.begin.year + 1, self.end.year + 1)
        step = max(1, -(-len(found) // 8))
        return [(self.x(datetime(year, 1, 1, tzinfo=self.begin.tzinfo)), year) for year in found[::-1][::step]][::-1]


def _account_bars(accounts: Sequence[Any], scale: _Scale) -> list[Bar]:
    bars = []
    for account in accounts:
        edges = [account.from_at, account.starts_at, account.ends_at, account.to_at or scale.end]
        end = account.to_at or scale.end
        inner = sorted({edge for edge in edges if edge is not None and account.from_at <= edge <= end})
        bars += [scale.bar(begin, until, account.status_at(begin)) for begin, until in pairwise(inner)]
    return [bar for bar in bars if bar is not None]


def _roles(
    grants: Sequence[Any], names: dict[int, list[Any]], reasons: dict[int, str], scale: _Scale
) -> list[RoleLine]:
    lines: dict[int, RoleLine] = {}
    for grant in grants:
        if grant.role_id not in lines:
            own = names[grant.role_id]
            then = next((name.name for name in own if covers(name, grant.from_at)), own[0].name if own else "")
            last = own[-1].name if own else then
            lines[grant.role_id] = RoleLine(
                grant.role_id, then or f"role {grant.role_id}", last if last != then else ""
            )
        line = lines[grant.role_id]
        is_over = grant.to_at is not None and grant.to_at <= scale.end
        line.periods.insert(
            0,
            GrantLine(
                begins=grant.from_at,
                ends=grant.to_at,
                is_planned=grant.from_at > scale.end,
                is_over=is_over,
                granted_by=granted_by_of(grant),
                event=grant.from_event,
                end_event=grant.to_event if is_over else None,
                reason=reasons.get(grant.from_event, ""),
                end_reason=reasons.get(grant.to_event, "") if is_over and grant.to_event else "",
            ),
        )
        if bar := scale.bar(grant.from_at, grant.to_at, "held"):
            line.bars.append(bar)
    return sorted(lines.values(), key=lambda line: (not line.is_held, line.name.casefold()))


def _changes(accounts: Sequence[Any], reasons: dict[int, str]) -> Iterable[Change]:
    first = accounts[0]
    yield Change(first.from_at, "user-plus", "Account created", first.from_event, reasons.get(first.from_event, ""))
    for before, after in pairwise(accounts):
        event, reason = after.from_event, reasons.get(after.from_event, "")
        if before.to_at != after.from_at:
            yield _deletion(before, reasons)
            yield Change(after.from_at, "undo-2", "Account restored", event, reason)
        for icon, sentence in _differences(before, after):
            yield Change(after.from_at, icon, sentence, event, reason)
    if accounts[-1].to_at is not None:
        yield _deletion(accounts[-1], reasons)


def _deletion(account: Any, reasons: dict[int, str]) -> Change:
    return Change(account.to_at, "trash-2", "Account deleted", account.to_event, reasons.get(account.to_event or 0, ""))


def _differences(before: Any, after: Any) -> Iterable[tuple[str, str]]:
    """(icon, sentence) of each fact that changed."""
    if before.is_locked != after.is_locked:
        yield ("lock", "Locked") if after.is_locked else ("lock-open", "Unlocked")
    if before.is_active != after.is_active:
        yield ("circle-check", "Activated") if after.is_active else ("circle-minus", "Deactivated")
    if not before.is_erased and not after.is_erased:
        if before.username != after.username:
            yield "pencil", f"Username changed from {before.username} to {after.username}"
        if before.full_name != after.full_name and before.username == after.username:
            yield "pencil", f"Name changed from {before.full_name} to {after.full_name}"
    for name, label in (("starts_at", "Start"), ("ends_at", "End")):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield "calendar-clock", f"{label} set to {new:%-d %B %Y, %H:%M} UTC" if new else f"{label} removed"
    if before.is_service != after.is_service:
        yield "bot", "Made a service account" if after.is_service else "Made the account of a person"
