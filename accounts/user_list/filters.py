"""The filters and sorts of the list of users, the same for the API, the pages, exports and commands."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, cast

from django import forms
from django.db.models.functions import Lower
from django.utils.dateparse import parse_date
from django.utils.http import urlencode

from accounts.models import Role, User
from accounts.models.querysets import UserQuerySet
from accounts.periods.validation import start_of_day
from accounts.user_list import counters, page_index
from reprotech.web.estimated_counts import is_known_large, slice_by_pk
from reprotech.web.fields import ChoiceParam, DateTimeParam, IntegerParam
from reprotech.web.ordering import NullableColumn
from reprotech.web.pagination import MAX_PER_PAGE, ListFilter
from reprotech.web.query_params import QueryParams

#: Values of the filter `attention`, and how they select users.
ATTENTION: dict[str, Callable[[UserQuerySet], UserQuerySet]] = {
    "dormant": UserQuerySet.dormant,
    "key_ending": UserQuerySet.with_ending_key,
    "no_factor": UserQuerySet.without_required_factor,
    "access_ending": UserQuerySet.with_ending_access,
}


class EndParam(DateTimeParam):
    """A time, or the beginning of a day of the laboratory."""

    def __init__(self) -> None:
        super().__init__(
            end_of_day=False,
            help_text="The account, or a role that they hold or will hold, ends before then.",
        )

    def _moment(self, value: str) -> datetime:
        day = parse_date(value)
        return start_of_day(day) if day else super()._moment(value)


class UserQuery(QueryParams):
    """Which users: by search, role, status, kind, second factor, and what deserves attention."""

    search = forms.CharField(required=False, max_length=200)
    role = forms.CharField(required=False, max_length=80)
    status = ChoiceParam(*User.STATUS_FILTERS)
    kind = ChoiceParam("person", "service")
    #: Whether people have a second factor; service accounts are in neither answer.
    factor = ChoiceParam("yes", "no")
    attention = ChoiceParam(
        *ATTENTION,
        help_text=(
            "`dormant`: nobody has signed in for 90 days; `key_ending`: an API key ends within 14 days; `no_factor`: a "
            "role requires a second factor, and there is none; `access_ending`: the account, or a role, ends within 14 "
            "days."
        ),
    )

    #: Access that ends before then, be it the account or a role.
    ends_before = EndParam()

    @cached_property
    def given(self) -> dict[str, str]:
        """The filters that were given, as they were typed."""
        return {name: self.data[name] for name in UserQuery.base_fields if self.data.get(name)}

    @property
    def address(self) -> str:
        """The query string of the given filters, and of the order where the list has one."""
        order = {"sort": self.data["sort"]} if self.data.get("sort") and "sort" in self.fields else {}
        return urlencode({**self.given, **order})

    def role_id(self) -> int | None:
        """The role that was asked for; None if none was, or if there is no such role."""
        name = self.value("role")
        role = Role.objects.named(name) if name else None
        return role.pk if role else None

    def apply(self, queryset: UserQuerySet) -> UserQuerySet:
        return self.narrowed(queryset, self.role_id())

    def narrowed(self, users: UserQuerySet, role_id: int | None, *, is_frequent: bool = False) -> UserQuerySet:
        """The users that match, where the role is known; `is_frequent`: thousands are known to."""
        if term := self.value("search"):
            users = users.search(term, is_frequent=is_frequent)
        if self.value("role"):
            users = users.in_role(role_id) if role_id else users.none()
        if status := self.value("status"):
            users = getattr(users, status)()
        if kind := self.value("kind"):
            users = users.services() if kind == "service" else users.people()
        if factor := self.value("factor"):
            users = users.with_factor() if factor == "yes" else users.without_factor()
        if attention := self.value("attention"):
            users = ATTENTION[attention](users)
        if moment := self.value("ends_before"):
            users = users.ending_before(moment)
        return users


class UserFilter(UserQuery, ListFilter):
    """A page of users, sorted."""

    sorts: ClassVar[dict[str, str | Lower]] = {
        "id": "id",
        "username": Lower("username"),
        "email": Lower("email"),
        "first_name": Lower("first_name"),
        "last_name": Lower("last_name"),
        "is_active": "is_active",
        "last_login": NullableColumn("last_login"),
        "created_at": "created_at",
        "updated_at": "updated_at",
    }

    def rows(self, filtered: Any, first: int, count: int) -> list[Any]:
        if not self.given:
            found = page_index.users_at(filtered, self.sorted_by or "id", first, count)
            if found is not None:
                return found
        return list(self.part(filtered, self.role_id(), first, count))

    def part(self, filtered: UserQuerySet, role_id: int | None, first: int, count: int) -> UserQuerySet:
        """So many of the users that the filters let through, from the position `first` on, sorted as asked."""
        if role_id and self.is_by_id and counters.is_supported():
            rows, is_alone = slice(first, first + count), self.given.keys() == {"role"}
            return filtered.holders_by_id(role_id, rows, descending=self.sorted_by == "-id", is_all=is_alone)
        return cast("UserQuerySet", slice_by_pk(self.ordered(filtered), first, count))

    @property
    def is_by_id(self) -> bool:
        return self.sorted_by in {"", "id", "-id"}

    def apply(self, queryset: UserQuerySet) -> UserQuerySet:
        return self.narrowed(queryset, self.role_id(), is_frequent=is_known_large(self.cache_key))

    @property
    def is_found_first(self) -> bool:
        # In the order of ids, indexes have just the users of a state, a kind or a role.
        return bool(self.given) and not self.is_by_id

    @property
    def cache_key(self) -> str:
        # All who may read users see the same ones.
        return f"users {self.given}"

    def maintained_count(self) -> int | None:
        """Of all users, of a status, a kind or a role, where the database maintains counters."""
        terms = self.counter_terms(self.role_id()) if counters.is_supported() else None
        return None if terms is None else sum(sign * counters.read_counter(name) for name, sign in terms.items())

    def counter_terms(self, role_id: int | None) -> dict[str, int] | None:
        """The counters whose sum is the total, by name with their sign; None where users have to be counted."""
        given = {*self.given}
        if len(given) > 1 or given & {"search", "attention", "ends_before"}:
            return None
        if "role" in given:
            return {counters.role_counter(role_id): 1} if role_id else {}
        if "kind" in given:
            return {"service": 1} if self.value("kind") == "service" else {"existing": 1, "service": -1}
        if "factor" in given:
            has = {"with_factor": 1}
            return has if self.value("factor") == "yes" else {"existing": 1, "service": -1, "with_factor": -1}
        status = self.value("status") or "existing"
        return {status: 1} if status in {"existing", *counters.COUNTED_STATES} else None


class UserPageFilter(UserFilter):
    """A page of users for people."""

    per_page = IntegerParam(default=25, max_value=MAX_PER_PAGE)
