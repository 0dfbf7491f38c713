"""Lists: strict query parameters, filters and pages, the same for the API and the pages.

A list's filter is a form: `UserFilter.parse(request.GET)` gives the one object that both doors apply.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from django import forms
from django.db import models

from reprotech.web import estimated_counts
from reprotech.web.estimated_counts import SMALL_RESULT_LIMIT, fence_index_scan, large_results, slice_by_pk
from reprotech.web.fields import IntegerParam
from reprotech.web.ordering import Row, sort_by
from reprotech.web.query_params import QueryParams

DEFAULT_PER_PAGE = 10
MAX_PER_PAGE = 100
#: No list has a row there, and a database can still count so far.
MAX_OFFSET = 2**62


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
        return page_count(self.total, self.per_page)

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


def page_count(total: int, per_page: int) -> int:
    """How many pages so many rows fill."""
    return -(-total // per_page)


class ListFilter(QueryParams):
    """Page and page size; a list adds its own filters, and applies them in `apply`."""

    #: What `sort` takes, and the expression that it sorts by.
    sorts: ClassVar[dict[str, Any]] = {}

    page = IntegerParam(default=1)
    per_page = IntegerParam(default=DEFAULT_PER_PAGE, max_value=MAX_PER_PAGE)

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
        return min((int(self.value("page")) - 1) * int(self.value("per_page")), MAX_OFFSET)

    def page_of(self, queryset: models.QuerySet[Row]) -> Page[Row]:
        """The page of `queryset` that was asked for, filtered and sorted; empty past the end."""
        filtered: models.QuerySet[Row] = self.apply(queryset)
        page, per_page = self.value("page"), self.value("per_page")
        total = self.maintained_count()
        if total is None:
            if not large_results.has(self.cache_key) and self.is_estimated_large(filtered):
                large_results.add(self.cache_key)
            if large_results.has(self.cache_key):
                return self._page_of_many(filtered, page, per_page)
            keys = self.prefetched_ids(filtered)
            # By keys alone: what is shown of a row would be put together to be counted.
            total = (
                filtered.order_by().values("pk")[: estimated_counts.MAX_COUNTED + 1].count()
                if keys is None
                else len(keys)
            )
            if total > estimated_counts.MAX_COUNTED:
                large_results.add(self.cache_key)
                return self._page_of_many(filtered, page, per_page)
            if keys is not None:
                return self._page_of_keys(filtered, keys, page, per_page)
            if total <= SMALL_RESULT_LIMIT and not self.has_matching_index:
                return self._page_of_few(filtered, total, page, per_page)
        items = self.rows(filtered, self.first, per_page) if self.first < total else []
        return Page(items, total, page, per_page)

    def rows(self, filtered: models.QuerySet[Row], first: int, count: int) -> list[Row]:
        """So many rows from the position `first` on, 0 for the first of all, sorted as asked."""
        return list(slice_by_pk(self.ordered(filtered), first, count))

    def _page_of_few(self, filtered: models.QuerySet[Row], total: int, page: int, per_page: int) -> Page[Row]:
        found = fence_index_scan(self.ordered(filtered))
        items = list(slice_by_pk(found, self.first, per_page)) if self.first < total else []
        return Page(items, total, page, per_page)

    def _page_of_keys(self, filtered: models.QuerySet[Row], keys: list[Any], page: int, per_page: int) -> Page[Row]:
        shown = keys[self.first : self.first + per_page]
        found = {row.pk: row for row in self.rows_by_id(filtered, shown)} if shown else {}
        return Page([found[key] for key in shown if key in found], len(keys), page, per_page)

    def _page_of_many(self, filtered: models.QuerySet[Row], page: int, per_page: int) -> Page[Row]:
        """A page of more rows than are counted. Where their end comes into sight, their number is told after all."""
        rows = self.rows(filtered, self.first, per_page + 1)
        seen = self.first + len(rows)
        if len(rows) > per_page:
            return Page(rows[:per_page], max(estimated_counts.MAX_COUNTED, seen), page, per_page, is_exact=False)
        return Page(rows, seen if rows else filtered.order_by().count(), page, per_page)

    @property
    def cache_key(self) -> str | None:
        """What the filters are known by, where they let through the same rows for everybody."""
        return None

    @property
    def has_matching_index(self) -> bool:
        """Whether an index has just the rows that the filters let through, in the order of the list."""
        return False

    def prefetched_ids(self, _: models.QuerySet[Row]) -> list[Any] | None:
        """The keys of the rows in their order, one more than are counted at most; None to count and to sort them there.

        Where it takes long to find them, they are found once and not for their number and for a page.
        """
        return None

    def rows_by_id(self, filtered: models.QuerySet[Row], keys: list[Any]) -> models.QuerySet[Row]:
        """The rows of some of these keys."""
        return filtered.filter(pk__in=keys)

    def maintained_count(self) -> int | None:
        """How many rows the filters let through, if that need not be counted."""
        return None

    def is_estimated_large(self, _: models.QuerySet[Row]) -> bool:
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
