"""Tags for pages that show events."""

from datetime import datetime

from django import template
from django.utils.dateparse import parse_datetime

from audit.models import AuditLog
from audit.presentation.event_text import sentence as sentence_of

register = template.Library()


@register.filter
def sentence(event: AuditLog) -> str:
    """Who did what, for people."""
    return sentence_of(event)


@register.filter
def stored_time(text: object) -> datetime | None:
    """The time that stands in an event's details; None for what is no time, since details may hold anything."""
    try:
        return parse_datetime(str(text))
    except ValueError:
        return None
