"""What the lists of users and sessions can be asked for."""

from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.db.models.functions import Lower

from accounts import counts, places
from accounts.models import Role, User
from accounts.querysets import SessionQuerySet, UserQuerySet
from reprotech.listing import MAXIMUM_PER_PAGE, ListFilter, Nullable, Query, WholeNumberField


class UserQuery(Query):
    """Which users: by search, role, status and kind."""

    search = forms.CharField(required=False, max_length=200)
    role = forms.CharField(required=False, max_length=80)
    status = forms.ChoiceField(
        required=False,
        choices=[(status, status) for status in User.STATUSES],
        error_messages={"invalid_choice": f"Give one of: {', '.join(User.STATUSES)}."},
    )
    kind = forms.ChoiceField(
        required=False,
        choices=[("person", "person"), ("service", "service")],
        error_messages={"invalid_choice": "Give one of: person, service."},
    )

    @cached_property
    def given(self) -> dict[str, str]:
        """The filters that were given, as they were typed."""
        return {name: self.data[name] for name in UserQuery.base_fields if self.data.get(name)}

    def apply(self, queryset: Any) -> UserQuerySet:
        """Narrow users."""
        users: UserQuerySet = queryset
        if term := self.value("search"):
            users = users.search(term)
        if role := self.value("role"):
            users = users.in_role(role)
        if status := self.value("status"):
            users = getattr(users, status)()
        if kind := self.value("kind"):
            users = users.services() if kind == "service" else users.people()
        return users


class UserFilter(UserQuery, ListFilter):
    """A page of users, sorted."""

    sorts: ClassVar[dict[str, Any]] = {
        "id": "id",
        "username": Lower("username"),
        "email": Lower("email"),
        "first_name": Lower("first_name"),
        "last_name": Lower("last_name"),
        "is_active": "is_active",
        "last_login": Nullable("last_login"),
        "created_at": "created_at",
        "updated_at": "updated_at",
    }

    def rows(self, filtered: Any, first: int, count: int) -> list[Any]:
        """As everywhere; without a filter the way to a page deep in the list is short."""
        if not self.given:
            found = places.page_of(filtered, self.sorted_by or "id", first, count)
            if found is not None:
                return found
        return super().rows(filtered, first, count)

    @property
    def name(self) -> str:
        """Whoever may read users sees the same ones."""
        return f"users {self.given}"

    def known_count(self) -> int | None:
        """Of all users, of a status, a kind or a role, where the database keeps count."""
        given = self.given
        if not counts.is_kept() or len(given) > 1 or "search" in given:
            return None
        if "role" in given:
            role = Role.objects.named(self.value("role"))
            return counts.count_of(counts.role_count(role.pk)) if role else 0
        if "kind" in given:
            services = counts.count_of("service")
            return services if self.value("kind") == "service" else counts.count_of("existing") - services
        return counts.count_of(self.value("status") or "existing")


class UserPageFilter(UserFilter):
    """A page of users for people."""

    per_page = WholeNumberField(default=25, most=MAXIMUM_PER_PAGE)


class UserImportQuery(Query):
    """How to import users."""

    dry_run = forms.ChoiceField(
        required=False,
        choices=[("true", "true"), ("false", "false")],
        error_messages={"invalid_choice": "Give one of: true, false."},
        help_text="Check the file and change nothing.",
    )


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


class HolderFilter(ListFilter):
    """Search among those who hold a permission."""

    search = forms.CharField(required=False, max_length=200)

    def apply(self, queryset: Any) -> UserQuerySet:
        """Narrow users."""
        users: UserQuerySet = queryset
        return users.search(term) if (term := self.value("search")) else users


class RoleDeletion(Query):
    """The role that a deleted role's users get instead."""

    reassign_to = forms.CharField(required=False, max_length=80)
