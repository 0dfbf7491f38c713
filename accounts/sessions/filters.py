"""What lists of sessions can be asked for."""

from typing import Any

from accounts.models.querysets import SessionQuerySet
from reprotech.web.fields import WholeNumberField
from reprotech.web.lists import MAXIMUM_PER_PAGE, ListFilter


class SessionFilter(ListFilter):
    """Pages alone."""

    per_page = WholeNumberField(default=MAXIMUM_PER_PAGE, most=MAXIMUM_PER_PAGE)

    def apply(self, queryset: Any) -> SessionQuerySet:
        """All sessions."""
        sessions: SessionQuerySet = queryset
        return sessions.latest_used_first()


class OwnSessionFilter(SessionFilter):
    """A page of one's own sessions for people."""

    per_page = WholeNumberField(default=10, most=MAXIMUM_PER_PAGE)
