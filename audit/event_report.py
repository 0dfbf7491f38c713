"""The periods of which a report can be made, with the number of events in each."""

from datetime import timedelta
from typing import NamedTuple

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from audit.event_query import PERIODS
from audit.export.services import MAX_REPORT_ROWS
from audit.filters import AuditFilter
from audit.models import AuditLog
from reprotech.core.actors import SignedInUser

PERIOD_LABELS = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
MONTHS = 3


class Choice(NamedTuple):
    label: str
    address: str
    #: None: more than a report can have.
    events: int | None


def report_choices(reader: SignedInUser, given: QueryDict) -> list[Choice]:
    """The chosen filters as they are, and with other periods; raises ValidationFailed."""
    chosen = given.copy()
    for name in ("page", "per_page"):
        chosen.pop(name, None)
    has_range = any(chosen.get(name) for name in ("last", "from", "to"))
    label = "The chosen period" if has_range else "The whole log"
    others = [(PERIOD_LABELS[name], {"last": name}) for name in PERIODS if name in PERIOD_LABELS]
    choices = [_choice(reader, chosen, label, {})] if has_range else []
    for name in ("last", "from", "to"):
        chosen.pop(name, None)
    choices += [_choice(reader, chosen, text, period) for text, period in [*others, *_months()]]
    return choices if has_range else [*choices, _choice(reader, chosen, label, {})]


def _months() -> list[tuple[str, dict[str, str]]]:
    """This month and those before, in UTC."""
    first = timezone.now().date().replace(day=1)
    months = []
    for _ in range(MONTHS):
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        months.append((f"{first:%B %Y}", {"from": first.isoformat(), "to": last.isoformat()}))
        first = (first - timedelta(days=1)).replace(day=1)
    return months


def _choice(reader: SignedInUser, chosen: QueryDict, label: str, period: dict[str, str]) -> Choice:
    query = chosen.copy()
    for name, value in period.items():
        query[name] = value
    # Bounded: whether there are too many is all that matters beyond.
    rows = AuditFilter.parse(query, reader=reader).apply(AuditLog.objects.all())
    events = rows.order_by().values("pk")[: MAX_REPORT_ROWS + 1].count()
    address = f"{reverse('audit_report')}?{query.urlencode()}"
    return Choice(label, address, None if events > MAX_REPORT_ROWS else events)
