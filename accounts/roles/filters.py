"""Query parameters of the lists of users whom a role or a permission has."""

from typing import Any

from django import forms

from accounts.models import Role
from accounts.models.querysets import UserQuerySet
from reprotech.web.pagination import ListFilter


class HolderFilter(ListFilter):
    """Users who have a permission."""

    search = forms.CharField(required=False, max_length=200)
    #: Only those who have the permission through this role (name or slug).
    role = forms.CharField(required=False, max_length=80)

    def apply(self, queryset: UserQuerySet) -> UserQuerySet:
        if term := self.value("search"):
            queryset = queryset.search(term)
        if name := self.value("role"):
            role = Role.objects.named(name)
            queryset = queryset.in_role(role.pk) if role else queryset.none()
        return queryset


class RoleUserFilter(ListFilter):
    """Users who hold a role that has its `user_count`."""

    search = forms.CharField(required=False, max_length=200)

    def __init__(self, data: Any = None, *, role: Role) -> None:
        super().__init__(data)
        self.role = role

    def apply(self, queryset: UserQuerySet) -> UserQuerySet:
        term = self.value("search")
        return queryset.search(term).in_role(self.role.pk).order_by("id") if term else queryset

    def maintained_count(self) -> int | None:
        return None if self.value("search") else self.role.user_count

    def rows(self, filtered: Any, first: int, count: int) -> list[Any]:
        if self.value("search"):
            return super().rows(filtered, first, count)
        # The users of one role among a million are found by its own rows, not by going through all.
        return list(filtered.holders_by_id(self.role.pk, slice(first, first + count), is_all=True))
