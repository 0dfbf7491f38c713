"""Query parameters of the lists of API keys on pages."""

from accounts.models.querysets import ApiKeyQuerySet
from reprotech.web.pagination import ListFilter


class KeyFilter(ListFilter):
    def apply(self, queryset: ApiKeyQuerySet) -> ApiKeyQuerySet:
        return queryset.with_maker()
