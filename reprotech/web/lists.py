"""Lists: strict query parameters, filters and pages, the same for the API and the pages.

A list's filter is a form: `UserFilter.parse(request.GET)` gives the one object that both doors apply.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Generic, Self, TypeVar

from django import forms
from django.db import models
from django.db.models import F
from django.db.models.expressions import Func, OrderBy
from django.http import QueryDict

from reprotech.core.exceptions import ValidationFailed

Row = TypeVar("Row", bound=models.Model)

DEFAULT_PER_PAGE = 10
MAXIMUM_PER_PAGE = 100
#: Counting ends here: of more rows a list says that there are more, and goes on as far as one turns its pages.
MOST_COUNTED = 10_000
#: Seconds for which it holds that there are more: to count so far again would take longer than a page.
SECONDS_OF_MANY = 60
#: So few rows are found by their filters and then sorted. A planner that takes them for more would walk through the
#: whole table in the sort's order until it has met enough of them for a page.
FEW = 10_000
#: Filters of which that is remembered.
MOST_NAMES = 1_000
#: No list has a row there, and a database can still count so far.
FARTHEST = 2**62
#: More digits than any page has; Python refuses to read numbers of thousands of digits.
WHOLE_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class Nullable(str):
    """The name of a column that may be empty."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list; `pages` is 0 for an empty list."""

    items: list[Row]
    total: int
    page: int
    per_page: int
    #: Otherwise there are more than `total`.
    is_exact: bool = True

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return pages_of(self.total, self.per_page)

    @property
    def first(self) -> int:
        """Position of the first item, 1 for the first of all; 0 on an empty page."""
        return (self.page - 1) * self.per_page + 1 if self.items else 0

    @property
    def last(self) -> int:
        """Position of the last item; 0 on an empty page."""
        return self.first + len(self.items) - 1 if self.items else 0

    @property
    def links(self) -> list[int | None]:
        """Numbers of the pages to link to: both ends and the neighbours; None stands for a gap."""
        near = range(self.page - 1, self.page + 2)
        numbers = sorted({number for number in (1, *near, self.pages) if 1 <= number <= self.pages})
        linked: list[int | None] = []
        for number in numbers:
            if linked and linked[-1] != number - 1:
                linked.append(None)
            linked.append(number)
        return linked

    def as_dict(self, key: str, represent: Callable[[list[Row]], Any]) -> dict[str, Any]:
        """The API's answer, with the items under `key`."""
        answer = {
            key: represent(self.items),
            "total": self.total,
            "page": self.page,
            "per_page": self.per_page,
            "pages": self.pages,
        }
        return answer if self.is_exact else {**answer, "total_is_exact": False}


def pages_of(total: int, per_page: int) -> int:
    """How many pages so many rows fill."""
    return -(-total // per_page)


class WholeNumberField(forms.Field):
    """A whole number of at least 1, or `least`, in plain digits; when it isn't given the default, if it has one."""

    def __init__(
        self, default: int | None = None, most: int | None = None, *, least: int = 1, required: bool = False
    ) -> None:
        super().__init__(required=required)
        self.default, self.least, self.most = default, least, most

    def clean(self, value: Any) -> int | None:
        """The number; raises ValidationError with a sentence."""
        if value in (None, "") and not self.required:
            return self.default
        number = int(value) if value and WHOLE_NUMBER.fullmatch(value) else -1
        if number < self.least or (self.most is not None and number > self.most):
            raise forms.ValidationError(f"Give a whole number {self.range}.")
        return number

    @property
    def range(self) -> str:
        """What is allowed, in words."""
        return f"of at least {self.least}" if self.most is None else f"from {self.least} to {self.most}"


class YesNoField(forms.ChoiceField):
    """`true` or `false`; nothing given means no."""

    def __init__(self, *, help_text: str) -> None:
        super().__init__(
            required=False,
            choices=[("true", "true"), ("false", "false")],
            error_messages={"invalid_choice": "Give one of: true, false."},
            help_text=help_text,
        )


class ByteOrderMarkField(YesNoField):
    """Whether CSV begins with a byte order mark."""

    def __init__(self) -> None:
        super().__init__(help_text="Begin CSV with a byte order mark, which Excel needs to read UTF-8.")


class Query(forms.Form):
    """The query parameters that an address takes."""

    @classmethod
    def parse(cls, query: QueryDict) -> Self:
        """The parameters of a request; raises ValidationFailed for wrong, unknown and repeated ones."""
        parsed = cls(query)
        errors = {name: ["There is no such parameter."] for name in query if name not in parsed.fields}
        errors |= {name: ["Give it once only."] for name in query if len(query.getlist(name)) > 1}
        if errors or not parsed.is_valid():
            raise ValidationFailed(errors | {name: [str(e) for e in found] for name, found in parsed.errors.items()})
        return parsed

    @classmethod
    def of(cls, request: Any) -> Self:
        """The same of a request, remembered."""
        return cls.remembered(request.META.get("QUERY_STRING", ""))

    @classmethod
    @lru_cache(maxsize=1_000)
    def remembered(cls, query: str) -> Self:
        """The same of a query string as WSGI gives it, remembered: only where its meaning doesn't change with time."""
        return cls.parse(QueryDict(query.encode("latin-1")))

    def value(self, name: str) -> Any:
        """The cleaned value of a parameter."""
        return self.cleaned_data[name]


class ListFilter(Query):
    """Page and page size; a list adds its own filters, and applies them in `apply`."""

    #: What `sort` takes, and the expression that it sorts by.
    sorts: ClassVar[dict[str, Any]] = {}

    page = WholeNumberField(default=1)
    per_page = WholeNumberField(default=DEFAULT_PER_PAGE, most=MAXIMUM_PER_PAGE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.sorts:
            names = [sign + name for name in self.sorts for sign in ("", "-")]
            self.fields["sort"] = forms.ChoiceField(
                choices=[(name, name) for name in names],
                required=False,
                error_messages={"invalid_choice": f"Sort by one of: {', '.join(names)}."},
            )

    @property
    def sorted_by(self) -> str:
        """The sort that was asked for, "" for the usual one."""
        return str(self.cleaned_data.get("sort", ""))

    @property
    def first(self) -> int:
        """The position of the page's first row, 0 for the first of all."""
        return min((int(self.value("page")) - 1) * int(self.value("per_page")), FARTHEST)

    def page_of(self, queryset: models.QuerySet[Row]) -> Page[Row]:
        """The page of `queryset` that was asked for, filtered and sorted; empty past the end."""
        filtered: models.QuerySet[Row] = self.apply(queryset)
        page, per_page = self.value("page"), self.value("per_page")
        total = self.known_count()
        if total is None:
            if not many.holds(self.name) and self.expects_many(filtered):
                many.remember(self.name)
            if many.holds(self.name):
                return self._page_of_many(filtered, page, per_page)
            keys = self.keys(filtered)
            # By keys alone: what is shown of a row would be put together to be counted.
            total = filtered.order_by().values("pk")[: MOST_COUNTED + 1].count() if keys is None else len(keys)
            if total > MOST_COUNTED:
                many.remember(self.name)
                return self._page_of_many(filtered, page, per_page)
            if keys is not None:
                return self._page_of_keys(filtered, keys, page, per_page)
            if total <= FEW and not self.is_walked:
                return self._page_of_few(filtered, total, page, per_page)
        items = self.rows(filtered, self.first, per_page) if self.first < total else []
        return Page(items, total, page, per_page)

    def rows(self, filtered: models.QuerySet[Row], first: int, count: int) -> list[Row]:
        """So many rows from the position `first` on, 0 for the first of all, sorted as asked."""
        return list(part(self.ordered(filtered), first, count))

    def _page_of_few(self, filtered: models.QuerySet[Row], total: int, page: int, per_page: int) -> Page[Row]:
        found = found_first(self.ordered(filtered))
        items = list(part(found, self.first, per_page)) if self.first < total else []
        return Page(items, total, page, per_page)

    def _page_of_keys(self, filtered: models.QuerySet[Row], keys: list[Any], page: int, per_page: int) -> Page[Row]:
        shown = keys[self.first : self.first + per_page]
        found = {row.pk: row for row in self.by_keys(filtered, shown)} if shown else {}
        return Page([found[key] for key in shown if key in found], len(keys), page, per_page)

    def _page_of_many(self, filtered: models.QuerySet[Row], page: int, per_page: int) -> Page[Row]:
        """A page of more rows than are counted. Where their end comes into sight, their number is told after all."""
        rows = self.rows(filtered, self.first, per_page + 1)
        seen = self.first + len(rows)
        if len(rows) > per_page:
            return Page(rows[:per_page], max(MOST_COUNTED, seen), page, per_page, is_exact=False)
        return Page(rows, seen if rows else filtered.order_by().count(), page, per_page)

    @property
    def name(self) -> str | None:
        """What the filters are known by, where they let through the same rows for everybody."""
        return None

    @property
    def is_walked(self) -> bool:
        """Whether an index has just the rows that the filters let through, in the order of the list."""
        return False

    def keys(self, _: models.QuerySet[Row]) -> list[Any] | None:
        """The keys of the rows in their order, one more than are counted at most; None to count and to sort them there.

        Where it takes long to find them, they are found once and not for their number and for a page.
        """
        return None

    def by_keys(self, filtered: models.QuerySet[Row], keys: list[Any]) -> models.QuerySet[Row]:
        """The rows of some of these keys."""
        return filtered.filter(pk__in=keys)

    def known_count(self) -> int | None:
        """How many rows the filters let through, if that need not be counted."""
        return None

    def expects_many(self, _: models.QuerySet[Row]) -> bool:
        """Whether there are more rows than are counted for sure, where counting them takes long."""
        return False

    def apply(self, queryset: Any) -> Any:
        """Narrow `queryset` to what the parameters ask for."""
        raise NotImplementedError

    def ordered(self, queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
        """Sort as asked, empty values last; the id breaks ties, so that pages never overlap."""
        sort = self.sorted_by
        if not sort:
            return queryset
        return queryset.order_by(sort_by(self.sorts[sort.lstrip("-")], descending=sort.startswith("-")), "id")


class Many:
    """Which filters are known to let through more rows than are counted, by their names."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def holds(self, name: str | None) -> bool:
        """Whether that was so a little while ago."""
        return name is not None and self._until.get(name, 0) > time.monotonic()

    def remember(self, name: str | None) -> None:
        """That it is so now."""
        if name is not None:
            if len(self._until) >= MOST_NAMES:
                self._until.clear()
            self._until[name] = time.monotonic() + SECONDS_OF_MANY

    def forget(self) -> None:
        """Count all anew."""
        self._until.clear()


many = Many()


def part(queryset: models.QuerySet[Row], first: int, count: int) -> models.QuerySet[Row]:
    """So many rows of a sorted queryset from the position `first` on, 0 for the first of all.

    The rows before them are passed by their keys alone: PostgreSQL would put together what it shows of each.
    """
    end = first + count
    if not first:
        return queryset[:end]
    return queryset.filter(pk__in=queryset.values("pk")[first:end])


def found_first(queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """The same rows in the same order; no index in that order can be walked to look for them."""
    orders = [as_order(order) for order in queryset.query.order_by or queryset.model._meta.ordering or ()]
    for order in orders[:1]:
        order.set_source_expressions([Func(order.expression, template="(SELECT %(expressions)s)")])
    return queryset.order_by(*orders)


def as_order(order: Any) -> OrderBy:
    """A part of a query's order, be it a column's name with a sign or an expression, to be changed at will."""
    if isinstance(order, str):
        return OrderBy(F(order.removeprefix("-")), descending=order.startswith("-"))
    return order.copy() if isinstance(order, OrderBy) else OrderBy(order)


def sort_by(expression: Any, *, descending: bool) -> OrderBy:
    """A column's name, or an expression, as a sort order; in a `Nullable` column empty values come last either way."""
    column = F(expression) if isinstance(expression, str) else expression
    nulls_last = True if isinstance(expression, Nullable) else None
    return OrderBy(column, descending=descending, nulls_last=nulls_last)
