"""What roles' lists of users can be asked for."""

from typing import Any

from django import forms

from accounts.models.querysets import UserQuerySet
from reprotech.web.pagination import ListFilter
from reprotech.web.query_params import QueryParams


class HolderFilter(ListFilter):
    """Search among those who hold a permission."""

    search = forms.CharField(required=False, max_length=200)

    def apply(self, queryset: Any) -> UserQuerySet:
        """Narrow users."""
        users: UserQuerySet = queryset
        return users.search(term) if (term := self.value("search")) else users


class RoleDeletion(QueryParams):
    """The role that a deleted role's users get instead."""

    reassign_to = forms.CharField(required=False, max_length=80)
