"""A sentence in parts, so that a page can stress and link whom and what it names."""

import re
from collections.abc import Iterable
from datetime import UTC, date, timedelta, tzinfo
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

from audit.models import AuditLog
from audit.presentation.event_text import actor, sentence


class Part(NamedTuple):
    text: str
    #: "actor", "target", or "" for other words.
    role: str = ""


def sentence_parts(event: AuditLog) -> list[Part]:
    """The sentence, with the first mention of the actor and the next one of the target apart."""
    text, parts = sentence(event), []
    names = [("actor", "" if event.is_actor_erased or not event.username else actor(event))]
    names.append(("target", event.resource_name))
    for role, name in names:
        # Not a part of another word, such as a role "User" in "changed the username of".
        found = re.search(rf"(?<![\w.@-]){re.escape(name)}(?![\w@-])", text) if name else None
        if found:
            parts += [Part(text[: found.start()]), Part(name, role)]
            text = text[found.end() :]
    return [part for part in (*parts, Part(text)) if part.text]


def by_day(events: Iterable[AuditLog], zone_name: str = "") -> list[tuple[str, list[AuditLog]]]:
    """Events in the order that they have, under the days of a zone, or of UTC."""
    try:
        zone: tzinfo = ZoneInfo(zone_name) if zone_name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
    today = timezone.now().astimezone(zone).date()
    days = groupby(events, key=lambda event: event.timestamp.astimezone(zone).date())
    return [(day_heading(day, today), list(found)) for day, found in days]


def day_heading(day: date, today: date) -> str:
    """Such as "Today", "Yesterday", "Monday 23 November", with the year unless it is this one."""
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A} {day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}")
