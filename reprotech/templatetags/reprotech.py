"""Filters and tags of our templates."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

from django import template
from django.conf import settings
from django.template import Context
from django.utils.dateformat import format as date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.preferences.time_zones import find_time_zone
from accounts.sessions import user_agent
from reprotech.web.reason_field import reason_field
from reprotech.web.toasts import undo_of

register = template.Library()
register.simple_tag(lambda context: reason_field(context["request"]), takes_context=True, name="reason_field")
register.simple_tag(undo_of)
register.filter("client_name", user_agent.client_name)


@register.filter
def in_words(span: timedelta) -> str:
    """Such as "7 days", "1 hour" or "90 minutes": in the largest unit that gives a whole number."""
    minutes = int(span.total_seconds()) // 60
    units = ((1440, "day"), (60, "hour"), (1, "minute"))
    size, unit = next(found for found in units if minutes % found[0] == 0)
    count = minutes // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


#: Of a moment without its seconds, of one with them, of a day, and of a time whose day stands above it.
MOMENT_FORMATS = {"": "j M Y, H:i", "exact": "j M Y, H:i:s", "day": "j M Y", "time": "H:i:s"}


@register.simple_tag(takes_context=True)
def moment(context: Context, value: datetime, form: str = "") -> SafeString:
    """A time in the zone that the reader chose, or UTC; `form` is a key of MOMENT_FORMATS.

    Where they chose none reprotech.js shows it in the device's. The title is in UTC.
    """
    zone = find_time_zone(str(context.get("time_zone") or "")) or UTC
    local = value.astimezone(zone)
    shown = date_format(local, MOMENT_FORMATS[form]) + ("" if form == "day" else f" {zone_name(local)}")
    return format_html(
        '<time datetime="{}" title="{} UTC" data-moment="{}">{}</time>',
        value.isoformat(),
        date_format(value, "j F Y, H:i:s"),
        form,
        shown,
    )


def zone_name(local: datetime) -> str:
    """Such as "CET"; zones without letters of their own are named by their distance, such as "UTC-03"."""
    name = local.tzname() or "UTC"
    return name if name[0].isalpha() else f"UTC{name}"


#: Of the colours in which faces are shown: static/css/reprotech.css.
TINT_COUNT = 8


class Person(Protocol):
    """Anyone with a name to show."""

    pk: int
    username: str
    first_name: str
    last_name: str
    is_service: bool


@register.simple_tag
def avatar(person: Person, size: str = "") -> SafeString:
    """Their initials in a colour that stays theirs; an icon for a service account. `size` may be "large"."""
    shown = icon("bot") if person.is_service else initials(person)
    classes = f"avatar avatar-{size}" if size else "avatar"
    return format_html('<span class="{} tint-{}" aria-hidden="true">{}</span>', classes, tint(person), shown)


def initials(person: Person) -> str:
    """Those of the names; the first two letters of the username where there are none."""
    letters = [name.strip()[:1] for name in (person.first_name, person.last_name) if name.strip()]
    return "".join(letters or person.username[:2]).upper()


def tint(person: Person) -> int:
    """The number of their colour."""
    return person.pk % TINT_COUNT


@cache
def _svg(name: str) -> str:
    path = Path(settings.BUILD_DIR) / "icons" / f"{name}.svg"
    return path.read_text(encoding="utf-8").partition("-->")[2].strip()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative Lucide icon; `scripts/assets.py` copies those that templates name."""
    svg = _svg(name).replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    return mark_safe(svg)  # noqa: S308 (from our own build, not from input)  # nosec B308, B703
