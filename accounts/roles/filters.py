from django import forms

from accounts.models.querysets import UserQuerySet
from reprotech.web.pagination import ListFilter
from reprotech.web.query_params import QueryParams


class HolderFilter(ListFilter):
    search = forms.CharField(required=False, max_length=200)

    def apply(self, queryset: UserQuerySet) -> UserQuerySet:
        return queryset.search(term) if (term := self.value("search")) else queryset


class RoleDeletion(QueryParams):
    reassign_to = forms.CharField(required=False, max_length=80)
