"""Which accounts an answer has: those whose periods fit the question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Greatest, Least

from access_history.models import AccountPeriod, GrantPeriod
from access_history.questions.windows import Window

#: Grants that are looked through for a page.
MAX_FEW = 5_000
#: Later than any end.
NEVER = Value(datetime(9999, 12, 31, tzinfo=UTC))

#: A role, and from when until when it held the permission.
PermissionPeriod = tuple[int, datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, with names resolved; None and "" where anything will do."""

    window: Window
    user_ids: frozenset[int] | None = None
    role_ids: frozenset[int] | None = None
    permission: str = ""
    #: All within the window.
    permission_periods: Sequence[PermissionPeriod] = ()
    status: str = ""

    @property
    def is_unfiltered(self) -> bool:
        return self.user_ids is None and self.role_ids is None and not self.permission and not self.status

    @property
    def cache_key(self) -> str:
        """The same for every question about a day, also about this one, which goes on."""
        roles, users = sorted(self.role_ids or ()), sorted(self.user_ids or ())
        return f"access: {self.window.day or self.window.begin} {roles} {users} {self.permission} {self.status}"


def overlapping(periods: Any, window: Window) -> Any:
    # Compared with one moment, rows are found by an index alone; what ended as it began doesn't meet it anyway.
    return periods.at(window.begin) if window.day is None else periods.between(window.begin, window.end)


def matching(question: Question) -> Any:
    """The periods of accounts in which they matched: of a moment one for each account, of a day one or more."""
    window = question.window
    rows: Any = overlapping(AccountPeriod.objects.order_by(), window)
    if question.user_ids is not None:
        rows = rows.filter(user_id__in=sorted(question.user_ids))
    if question.status:
        rows = rows.filter(_status(question.status, window))
    if window.day is not None:
        # What begins and ends on the same day may miss each other.
        rows = rows.alias(**_span(question.status)).filter(begins__lt=F("ends"), ends__gt=window.begin)
        rows = rows.filter(begins__lt=window.end)
    if question.role_ids is not None or question.permission:
        rows = rows.filter(Exists(_grants(question)))
        if (holders := _few_holders(question)) is not None:
            rows = rows.filter(user_id__in=holders)
    return rows


def _few_holders(question: Question) -> Any:
    """Those who held one of the roles that may answer, if they are few; None if they are many.

    Of few one looks at their accounts; of many the first accounts of all soon fill a page.
    """
    roles = question.role_ids or {role_id for role_id, _, _ in question.permission_periods}
    grants = overlapping(GrantPeriod.objects.filter(role_id__in=sorted(roles)).order_by(), question.window)
    return None if grants[: MAX_FEW + 1].count() > MAX_FEW else grants.values("user_id")


def matching_ids(question: Question) -> Any:
    """Their accounts' numbers, in order, each once."""
    ids = matching(question).order_by("user_id").values_list("user_id", flat=True)
    return ids if question.window.day is None else ids.distinct()


def _status(status: str, window: Window) -> Q:
    if status == "locked":
        return Q(is_locked=True)
    if status == "inactive":
        return Q(is_locked=False, is_active=False)
    conditions = Q(is_locked=False, is_active=True)
    if status == "ended":
        return conditions & Q(ends_at__lt=window.end)
    conditions &= Q(ends_at__isnull=True) | Q(ends_at__gt=window.begin)
    if status == "pending":
        return conditions & Q(starts_at__gt=window.begin)
    return conditions & (Q(starts_at__isnull=True) | Q(starts_at__lt=window.end))


def _span(status: str) -> dict[str, Any]:
    """From when until when a period of an account had the status."""
    begin, end = F("from_at"), Coalesce("to_at", NEVER)
    spans: dict[str, dict[str, Any]] = {
        "active": {
            "begins": Greatest(begin, Coalesce("starts_at", begin)),
            "ends": Least(end, Coalesce("ends_at", NEVER)),
        },
        "pending": {"begins": begin, "ends": Least(end, Coalesce("starts_at", NEVER))},
        "ended": {"begins": Greatest(begin, Coalesce("ends_at", begin)), "ends": end},
    }
    return spans.get(status, {"begins": begin, "ends": end})


def _grants(question: Question) -> Any:
    """The grants of the outer account that answer for role and permission."""
    held = _held(question.window, depth=1)
    if question.role_ids is None:
        return held.filter(_gives(question))
    held = held.filter(role_id__in=sorted(question.role_ids))
    if not question.permission:
        return held
    giving = _held(question.window, depth=2).filter(_gives(question))
    if question.window.day is not None:
        # At one moment of the day both must have been held.
        giving = giving.filter(Q(to_at__isnull=True) | Q(to_at__gt=OuterRef("from_at")))
        giving = giving.filter(from_at__lt=Coalesce(OuterRef("to_at"), NEVER))
    return held.filter(Exists(giving))


def _held(window: Window, depth: int) -> Any:
    """The grants of the account that is `depth` queries further out, as far as they meet its period."""
    held = overlapping(GrantPeriod.objects.filter(user_id=_outer("user_id", depth)).order_by(), window)
    if window.day is None:
        return held
    edges = {name: ExpressionWrapper(_outer(name, depth), DateTimeField()) for name in ("begins", "ends")}
    held = held.alias(account_begins=edges["begins"], account_ends=edges["ends"])
    met = Q(to_at__isnull=True) | Q(to_at__gt=F("account_begins"))
    return held.filter(met, from_at__lt=F("account_ends"))


def _outer(name: str, depth: int) -> OuterRef:
    return OuterRef(name) if depth == 1 else OuterRef(OuterRef(name))


def _gives(question: Question) -> Q:
    """Whether the role of a grant gave the permission; where it did so for a part of a day, in that part."""
    window = question.window
    whole = {
        role_id
        for role_id, begin, end in question.permission_periods
        if begin <= window.begin and (end is None or end >= window.end)
    }
    gives = Q(role_id__in=sorted(whole))
    for role_id, begin, end in question.permission_periods:
        if role_id not in whole and window.day is not None:
            met = Q(role_id=role_id, account_ends__gt=begin) & (Q(to_at__isnull=True) | Q(to_at__gt=begin))
            gives |= met if end is None else met & Q(from_at__lt=end, account_begins__lt=end)
    return gives
