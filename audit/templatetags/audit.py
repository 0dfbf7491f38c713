"""Template filters for pages that show events."""

from datetime import datetime

from django import template
from django.template.context import Context
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.models import Action, AuditLog
from audit.presentation import action_kinds, sentence_parts
from audit.presentation.event_text import sentence as sentence_of
from audit.presentation.record_pages import record_page

register = template.Library()
register.filter("sentence_parts", sentence_parts.sentence_parts)
register.filter("action_kind", action_kinds.action_kind)
register.filter("resource_label", action_kinds.resource_label)


@register.simple_tag(takes_context=True)
def event_days(context: Context, events: list[AuditLog]) -> list[tuple[str, list[AuditLog]]]:
    """Events under the days of the reader's zone."""
    return sentence_parts.by_day(events, str(context.get("time_zone") or ""))


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


@register.simple_tag(takes_context=True)
def linked_sentence(context: Context, event: AuditLog) -> SafeString:
    """The sentence, in which names lead to their accounts and roles, where the reader may open those."""
    reader = context["request"].user
    pages = {"actor": record_page(reader, "user", str(event.user_id or ""))}
    if event.action != Action.DELETE:  # the page is gone
        pages["target"] = record_page(reader, event.resource, event.resource_id)
    parts = sentence_parts.sentence_parts(event)
    return format_html_join("", "{}", ((_part(part, pages.get(part.role, "")),) for part in parts))


def _part(part: sentence_parts.Part, page: str) -> SafeString | str:
    if not part.role:
        return part.text
    if page:
        return format_html('<a class="event-name" href="{}">{}</a>', page, part.text)
    return format_html("<strong>{}</strong>", part.text)
