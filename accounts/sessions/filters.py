"""What lists of sessions can be asked for."""

from typing import Any

from accounts.models.querysets import SessionQuerySet
from reprotech.web.fields import IntegerParam
from reprotech.web.pagination import MAX_PER_PAGE, ListFilter


class SessionFilter(ListFilter):
    """Pages alone."""

    per_page = IntegerParam(default=MAX_PER_PAGE, max_value=MAX_PER_PAGE)

    def apply(self, queryset: Any) -> SessionQuerySet:
        """All sessions."""
        sessions: SessionQuerySet = queryset
        return sessions.latest_used_first()


class OwnSessionFilter(SessionFilter):
    """A page of one's own sessions for people."""

    per_page = IntegerParam(default=10, max_value=MAX_PER_PAGE)
