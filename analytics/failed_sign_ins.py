"""Bursts of failed sign-ins: many from one address, or for one name, within an hour."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from audit.models import AuditLog

#: So many failures within an hour are a burst.
MIN_BURST = 10
WINDOW = timedelta(hours=1)
PERIOD = timedelta(days=1)
#: The latest failures of the day that are looked at; a larger flood shows in these as well.
MAX_FAILURES = 5_000
#: The reason of the failure with which a name or an address is refused for a while.
LOCKOUT_REASON = "Too many attempts."


class Failure(NamedTuple):
    timestamp: datetime
    username: str
    ip_address: str | None
    user_id: int | None
    is_lockout: bool


class Burst(NamedTuple):
    #: The filter of the audit log that finds it: `ip_address` or `user`.
    field: str
    value: str
    failures: int
    #: Its first and last failure, as filters take them.
    begin: str
    end: str


def of_last_day(now: datetime) -> list[Failure]:
    """Failures of the last day, the newest first."""
    rows = AuditLog.objects.sign_ins().filter(success=False, timestamp__gt=now - PERIOD).order_by("-timestamp", "-id")
    values = rows.values_list("timestamp", "username", "ip_address", "user_id", "details__reason")
    return [
        Failure(timestamp, username, address, user_id, reason == LOCKOUT_REASON)
        for timestamp, username, address, user_id, reason in values[:MAX_FAILURES]
    ]


def bursts(failures: Iterable[Failure]) -> list[Burst]:
    """The largest first. What an address is reported for is not reported for the names it tried as well."""
    by_address: dict[str, list[datetime]] = defaultdict(list)
    by_name: dict[str, list[datetime]] = defaultdict(list)
    failures = list(failures)
    for failure in failures:
        if failure.ip_address:
            by_address[failure.ip_address].append(failure.timestamp)
    found = _found("ip_address", by_address)
    reported = {burst.value for burst in found}
    for failure in failures:
        if failure.username and failure.ip_address not in reported:
            by_name[failure.username.casefold()].append(failure.timestamp)
    return sorted([*found, *_found("user", by_name)], key=lambda burst: (-burst.failures, burst.value))


def _found(field: str, moments: dict[str, list[datetime]]) -> list[Burst]:
    found = []
    for value, times in moments.items():
        times.sort()
        first, count = _fullest_window(times)
        if count >= MIN_BURST:
            last = times[first + count - 1]
            found.append(Burst(field, value, count, _text(times[first]), _text(last)))
    return found


def _fullest_window(times: list[datetime]) -> tuple[int, int]:
    """Where the hour with the most of these begins, and how many it has."""
    best, first = (0, 0), 0
    for last, moment in enumerate(times):
        while moment - times[first] > WINDOW:
            first += 1
        best = max(best, (last - first + 1, -first))
    return -best[1], best[0]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
