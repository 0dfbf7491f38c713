"""What deserves attention: facts, computed once for all readers, and the lines that a reader may see of them.

Facts are JSON, in which the cache keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from access_history.checking.outcome import last_check
from access_requests.models import AccessRequest
from accounts.models import User
from accounts.permissions import USER_READ
from accounts.throttling import login_throttle
from analytics import failed_sign_ins
from analytics.failed_sign_ins import Burst, Failure
from audit.models import Action, AuditLog, Checkpoint, VerificationRun
from audit.permissions import AUDIT_READ
from audit.verification import runs
from reviews.models import Review
from sso.ending.undelivered import undelivered_sign_outs
from sso.permissions import SETTINGS_READ

#: Rows of a list are counted up to this number: more are as bad.
MAX_COUNTED = 1_000
#: The whole log is verified once a day, which takes a while.
MAX_VERIFICATION_AGE = timedelta(hours=26)
MAX_BACKUP_AGE = timedelta(days=2)
#: Bursts and locked-out people that have a line of their own.
MAX_LINES = 3

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    sentence: str
    url: str
    icon: str
    #: A number to begin the sentence with, if any.
    count: str = ""
    is_bad: bool = False


def current_facts() -> Facts:
    """What is read again after each event, in a few small queries."""
    now = timezone.now()
    failures = failed_sign_ins.of_last_day(now)
    return {
        "bursts": [burst._asdict() for burst in failed_sign_ins.bursts(failures)],
        "locked_out": _locked_out(failures),
        "invitation_expired": _count(User.objects.invitation_expired()),
        "reviews_overdue": Review.objects.overdue().count(),
        "requests_open": AccessRequest.objects.open().count(),
        "key_ending": _count(User.objects.with_ending_key()),
        "access_ending": _count(User.objects.with_ending_access()),
        "log": _log_facts(now),
        "backup_days": _backup_days(now),
        "history_differs": bool(last_check().problem),
    }


def slow_facts() -> Facts:
    """What may need a look at all users."""
    return {
        "dormant": _count(User.objects.dormant()),
        "no_factor": _count(User.objects.without_required_factor()),
        "undelivered": undelivered_sign_outs()[:MAX_LINES],
    }


def requests_to_decide(facts: Facts, reader: User) -> int:
    """How many open requests for access the reader may decide: in a few queries, and in none while none is open."""
    is_one_open = facts.get("requests_open", 0)  # an earlier version's facts may still be cached
    open_requests = AccessRequest.objects.open().decidable_by(reader).order_by()
    return open_requests[: MAX_COUNTED + 1].count() if is_one_open else 0


def lines(facts: Facts, locked: int, reader_may: Mapping[str, bool], to_decide: int = 0) -> list[Line] | None:
    """The worst first; None for a reader who may open none of the lists.

    `to_decide` are the requests that the reader may decide; all else is the same for readers with the same permissions.
    """
    may_open_a_list = any(reader_may[permission] for permission in (AUDIT_READ, USER_READ, SETTINGS_READ))
    if not may_open_a_list and not to_decide:
        return None
    found = (
        [*_log_lines(facts["log"]), *_burst_lines([Burst(**burst) for burst in facts["bursts"]])]
        if reader_may[AUDIT_READ]
        else []
    )
    if facts.get("history_differs") and reader_may[AUDIT_READ] and reader_may[USER_READ]:
        found.append(
            Line(
                "The access history differs from the audit log", reverse("access"), icon="calendar-search", is_bad=True
            )
        )
    if reader_may[USER_READ]:
        found += _user_lines(facts, locked)
    waiting = _counted(
        to_decide,
        "request for access waits for your decision",
        "requests for access wait for your decision",
        reverse("requests"),
        icon="hand",
    )
    found += [waiting] if waiting else []
    if reader_may[SETTINGS_READ]:
        found += _application_lines(facts.get("undelivered", []))
    if reader_may[AUDIT_READ]:
        found += _upkeep_lines(facts)
    return found


def _count(rows: QuerySet[User]) -> int:
    return rows.order_by()[: MAX_COUNTED + 1].count()


def verified_at(facts: Facts) -> datetime | None:
    """When the last verification of the log ended."""
    moment = facts["log"]["verified_at"]
    return datetime.fromisoformat(moment) if moment else None


def _locked_out(failures: list[Failure]) -> list[tuple[int, str]]:
    """(id, name) of people whose next attempt from an unknown device would be refused."""
    suspects = {failure.user_id for failure in failures if failure.is_lockout and failure.user_id}
    users = list(User.objects.active().filter(pk__in=sorted(suspects)[:50])) if suspects else []
    login_throttle.mark_locked_out(users)
    return [(user.pk, user.full_name) for user in users if user.is_locked_out]


def _log_facts(now: datetime) -> Facts:
    status = runs.status()
    last = VerificationRun.objects.filter(finished_at__isnull=False).values_list("finished_at", flat=True).first()
    # A log younger than a day is not late.
    since = last or Checkpoint.objects.order_by("size").values_list("sealed_at", flat=True).first()
    return {
        "state": status.state.value,
        "verified_at": last.isoformat() if last else None,
        "is_stalled": status.stalled_since is not None and status.state != runs.State.UNSEALED,
        "is_late": since is not None and since < now - MAX_VERIFICATION_AGE,
    }


def _backup_days(now: datetime) -> int:
    """The age of the last backup that the log knows of, in days; 0 if it is recent, or if there was none."""
    made = AuditLog.objects.filter(resource="database", action=Action.EXPORT, success=True).newest_first()
    last = made.values_list("timestamp", flat=True).first()
    return (now - last).days if last and now - last > MAX_BACKUP_AGE else 0


def _log_lines(log: Facts) -> list[Line]:
    if log["state"] == runs.State.DAMAGED:
        found = "The audit log was changed: a verification found it"
        return [Line(found, reverse("audit"), icon="shield-alert", is_bad=True)]
    if log["is_stalled"]:
        return [Line("New events are not being sealed", reverse("audit"), icon="shield-alert", is_bad=True)]
    return []


def _burst_lines(bursts: list[Burst]) -> list[Line]:
    shown = [
        Line(
            f"failed sign-ins {'from' if burst.field == 'ip_address' else 'as'} {burst.value} within an hour",
            _failures(**{burst.field: burst.value, "from": burst.begin, "to": burst.end}),
            icon="circle-x",
            count=f"{burst.failures:,}",
            is_bad=True,
        )
        for burst in bursts[:MAX_LINES]
    ]
    if others := bursts[MAX_LINES:]:
        url = _failures(**{"from": min(burst.begin for burst in bursts)})
        noun = "more burst" if len(others) == 1 else "more bursts"
        shown.append(Line(f"{noun} of failed sign-ins", url, icon="circle-x", count=f"{len(others):,}", is_bad=True))
    return shown


def _failures(**filters: str) -> str:
    return f"{reverse('audit')}?{urlencode({'action': Action.LOGIN.value, 'outcome': 'failure', **filters})}"


def _user_lines(facts: Facts, locked: int) -> list[Line]:
    users = reverse("users")
    locked_out = [
        Line(f"{name} is locked out after too many wrong passwords", f"{users}/{pk}", icon="lock-keyhole")
        for pk, name in facts["locked_out"][:MAX_LINES]
    ]
    key = "an API key that ends within 14 days"
    counted = (
        _counted(
            facts.get("reviews_overdue", 0),
            "access review is overdue",
            "access reviews are overdue",
            "/reviews?status=overdue",
            icon="clipboard-list",
        ),
        _counted(locked, "account is locked", "accounts are locked", f"{users}?status=locked", icon="lock"),
        _counted(
            facts.get("invitation_expired", 0),  # an earlier version's facts may still be cached
            "invitation has expired",
            "invitations have expired",
            f"{users}?status=invitation_expired",
            icon="mail-x",
        ),
        _counted(
            facts["key_ending"],
            f"account has {key}",
            f"accounts have {key}",
            f"{users}?attention=key_ending",
            icon="key-round",
        ),
        _counted(
            facts.get("access_ending", 0),
            "person has access that ends within 14 days",
            "people have access that ends within 14 days",
            f"{users}?attention=access_ending",
            icon="calendar-clock",
        ),
        _counted(
            facts.get("no_factor", 0),
            "person has no second factor, which a role requires",
            "people have no second factor, which a role requires",
            f"{users}?attention=no_factor",
            icon="smartphone",
        ),
        _counted(
            facts["dormant"],
            "person has not signed in for 90 days",
            "people have not signed in for 90 days",
            f"{users}?attention=dormant",
            icon="moon",
        ),
    )
    return [*locked_out, *(line for line in counted if line)]


def _counted(number: int, one: str, many: str, url: str, *, icon: str) -> Line | None:
    shown = f"{number:,}" if number <= MAX_COUNTED else f"More than {MAX_COUNTED:,}"
    return Line(one if number == 1 else many, url, icon=icon, count=shown) if number else None


def _application_lines(undelivered: list[tuple[int, str, int]]) -> list[Line]:
    """(id, name, number) of applications that sign-outs don't reach."""
    return [
        Line(
            f"sign-out{'' if number == 1 else 's'} not delivered to {name}",
            f"/applications/{application_id}",
            icon="unplug",
            count=f"{number:,}",
            is_bad=True,
        )
        for application_id, name, number in undelivered
    ]


def _upkeep_lines(facts: Facts) -> list[Line]:
    found = []
    log, days = facts["log"], facts["backup_days"]
    if log["is_late"] and log["state"] != runs.State.DAMAGED:
        late = "The audit log has not been verified for more than a day"
        found.append(Line(late, reverse("audit"), icon="shield"))
    if days:
        backups = urlencode({"action": Action.EXPORT.value, "resource": "database"})
        found.append(Line(f"The last backup is {days} days old", f"{reverse('audit')}?{backups}", icon="archive"))
    return found
