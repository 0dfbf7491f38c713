"""Filters and tags of our templates."""

from datetime import timedelta
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from accounts.sessions import user_agent

register = template.Library()
register.filter("client_name", user_agent.client_name)


@register.filter
def in_words(span: timedelta) -> str:
    """Such as "7 days", "1 hour" or "90 minutes": in the largest unit that gives a whole number."""
    minutes = int(span.total_seconds()) // 60
    units = ((1440, "day"), (60, "hour"), (1, "minute"))
    size, unit = next(found for found in units if minutes % found[0] == 0)
    count = minutes // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


@cache
def _svg(name: str) -> str:
    path = Path(settings.BUILD_DIR) / "icons" / f"{name}.svg"
    return path.read_text(encoding="utf-8").partition("-->")[2].strip()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative Lucide icon; `scripts/assets.py` copies those that templates name."""
    svg = _svg(name).replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    return mark_safe(svg)  # noqa: S308 (from our own build, not from input)  # nosec B308, B703
