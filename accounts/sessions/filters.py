"""Query parameters of session lists."""

from accounts.models.querysets import SessionQuerySet
from reprotech.web.fields import IntegerParam
from reprotech.web.pagination import MAX_PER_PAGE, ListFilter


class SessionFilter(ListFilter):
    per_page = IntegerParam(default=MAX_PER_PAGE, max_value=MAX_PER_PAGE)

    def apply(self, queryset: SessionQuerySet) -> SessionQuerySet:
        return queryset.latest_used_first()


class OwnSessionFilter(SessionFilter):
    """The shorter pages of the profile."""

    per_page = IntegerParam(default=10, max_value=MAX_PER_PAGE)
