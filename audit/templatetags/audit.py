"""Template filters for pages that show events."""

from datetime import datetime

from django import template
from django.utils.dateparse import parse_datetime

from audit.models import AuditLog
from audit.presentation.event_text import sentence as sentence_of

register = template.Library()


@register.filter
def sentence(event: AuditLog) -> str:
    return sentence_of(event)


@register.filter
def stored_time(text: object) -> datetime | None:
    """A time from an event's details; None for anything else, since details may hold anything."""
    try:
        return parse_datetime(str(text))
    except ValueError:
        return None
