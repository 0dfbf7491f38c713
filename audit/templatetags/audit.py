"""Tags for pages that show events."""

from django import template

from audit.models import AuditLog
from audit.sentences import sentence as sentence_of

register = template.Library()


@register.filter
def sentence(event: AuditLog) -> str:
    """Who did what, for people."""
    return sentence_of(event)
