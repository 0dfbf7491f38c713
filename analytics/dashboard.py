"""Cards, lists and health of the dashboard."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.urls import reverse

from accounts.models import Session, User
from accounts.permissions import ROLE_READ, USER_READ
from analytics.queries import Figures
from audit.models import AuditLog
from reprotech.core.status import CONNECTED, cache_state, database_state

RECENT_ROWS = 8
#: The latest sessions in which so many people are looked for: a person with several has one row.
MAX_SESSIONS_READ = 60


@dataclass(frozen=True, slots=True)
class Card:
    label: str
    value: int
    #: Since the beginning of the range; None if that is not known.
    change: int | None
    #: The list behind it, "" for a reader who may not open it.
    url: str
    note: str = ""

    @property
    def fewer(self) -> int:
        return -(self.change or 0)


def cards_of(figures: Figures, may: Mapping[str, bool]) -> list[Card]:
    now, before = figures["now"], figures["before"]
    custom = now["custom_roles"]
    own = f"and {custom:,} of your own" if custom else ""
    values = (
        ("Total users", "users", figures["total_users"], USER_READ, reverse("users"), ""),
        ("Active users", "active_users", figures["active_users"], USER_READ, f"{reverse('users')}?status=active", ""),
        ("System roles", "system_roles", now["system_roles"], ROLE_READ, reverse("roles"), own),
        ("Permissions", "permissions", now["permissions"], ROLE_READ, reverse("permissions"), ""),
    )
    return [
        Card(
            label,
            value,
            None if before[name] is None else value - before[name],
            url if may[permission] else "",
            note,
        )
        for label, name, value, permission, url, note in values
    ]


def recent_activity() -> dict[str, Any]:
    # Never cached: a few rows each.
    alive = Session.objects.alive()
    events = list(AuditLog.objects.sign_ins().newest_first()[:RECENT_ROWS])
    people = User.objects.existing().in_bulk({event.user_id for event in events if event.user_id})
    latest: dict[int, Session] = {}
    for session in alive.select_related("user").latest_used_first()[:MAX_SESSIONS_READ]:
        latest.setdefault(session.user_id, session)
    sessions = list(latest.values())[:RECENT_ROWS]
    counted = alive.filter(user__in=[session.user_id for session in sessions]).order_by().values("user")
    numbers = Counter(dict(counted.annotate(n=Count("pk")).values_list("user", "n")))
    return {
        "sign_ins": [(event, people.get(event.user_id)) for event in events],
        "session_count": alive.count(),
        "sessions": [(session, numbers[session.user_id] - 1) for session in sessions],
    }


def health() -> list[tuple[str, str, bool]]:
    """(part, state as a word, whether it works) of the services that Reprotech needs."""
    parts = (("Database", database_state()), ("Cache", cache_state()))
    return [(name, "connected" if state == CONNECTED else "unavailable", state == CONNECTED) for name, state in parts]
