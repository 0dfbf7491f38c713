"""Filters and pages of lists, the same for the API and the pages.

A list's filter is a form: `UserFilter.parse(request.GET)` gives the one object that both apply.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.db import models
from django.db.models import F
from django.db.models.expressions import Expression

from reprotech.web import estimated_counts
from reprotech.web.estimated_counts import fence_index_scan, slice_by_pk
from reprotech.web.fields import IntegerParam
from reprotech.web.ordering import Row, sort_by
from reprotech.web.query_params import QueryParams

DEFAULT_PER_PAGE = 10
MAX_PER_PAGE = 100
#: What pages offer, in rows.
PAGE_SIZES = (10, 25, 50, 100)
#: The largest round number that databases take for an OFFSET.
MAX_OFFSET = 2**62


#: Rows of a table, or what is made of some.
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list; `pages` is 0 for an empty list."""

    items: list[Item]
    total: int
    page: int
    per_page: int
    #: Otherwise there are more than `total`.
    is_exact: bool = True

    @property
    def pages(self) -> int:
        return page_count(self.total, self.per_page)

    @property
    def first(self) -> int:
        """Position of the first item from 1 on; 0 on an empty page."""
        return (self.page - 1) * self.per_page + 1 if self.items else 0

    @property
    def last(self) -> int:
        return self.first + len(self.items) - 1 if self.items else 0

    @property
    def previous(self) -> int | None:
        """The page before this one; None on the first."""
        return min(self.page - 1, self.pages) if self.page > 1 and self.pages else None

    @property
    def next(self) -> int | None:
        """The page after this one; None on the last."""
        return self.page + 1 if self.page < self.pages else None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of rows that a page offers, with the one in use."""
        return tuple(sorted({*PAGE_SIZES, self.per_page}))

    @property
    def links(self) -> list[int | None]:
        """Pages to link to: both ends and the neighbours; None stands for a gap."""
        near = range(self.page - 1, self.page + 2)
        numbers = sorted({number for number in (1, *near, self.pages) if 1 <= number <= self.pages})
        linked: list[int | None] = []
        for number in numbers:
            if linked and linked[-1] != number - 1:
                linked.append(None)
            linked.append(number)
        return linked

    def as_dict(self, key: str, represent: Callable[[list[Item]], object]) -> dict[str, object]:
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
    return -(-total // per_page)


class ListFilter(QueryParams):
    """Page, page size and sort; a list adds its own filters, and applies them in `apply`."""

    #: Values of `sort` and the expressions that they sort by.
    sorts: ClassVar[Mapping[str, str | Expression | F]] = {}

    page = IntegerParam(default=1)
    per_page = IntegerParam(default=DEFAULT_PER_PAGE, max_value=MAX_PER_PAGE)

    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        if self.sorts:
            names = [sign + name for name in self.sorts for sign in ("", "-")]
            self.fields["sort"] = forms.ChoiceField(
                choices=[(name, name) for name in names],
                required=False,
                error_messages={"invalid_choice": f"Sort by one of: {', '.join(names)}."},
            )

    @property
    def sorted_by(self) -> str:
        return str(self.cleaned_data.get("sort", ""))

    @property
    def first(self) -> int:
        """The offset of the page's first row."""
        return min((int(self.value("page")) - 1) * int(self.value("per_page")), MAX_OFFSET)

    def page_of(self, queryset: models.QuerySet[Row]) -> Page[Row]:
        """The requested page of `queryset`, filtered and sorted; empty past the end."""
        filtered: models.QuerySet[Row] = self.apply(queryset)
        total, per_page = self.maintained_count(), self.value("per_page")
        if total is None:
            if not estimated_counts.is_known_large(self.cache_key) and self.is_estimated_large(filtered):
                estimated_counts.remember_large(self.cache_key)
            if estimated_counts.is_known_large(self.cache_key):
                return self._page_of_large_result(filtered)
            ids = self.prefetched_ids(filtered)
            # Of ids alone: otherwise all columns would be computed only to be counted.
            counted = filtered.order_by().values("pk")[: estimated_counts.MAX_COUNTED + 1]
            total = counted.count() if ids is None else len(ids)
            # Remembered, so that the next page doesn't count up to there again.
            if total > estimated_counts.MAX_COUNTED:
                estimated_counts.remember_large(self.cache_key)
                return self._page_of_large_result(filtered)
            if ids is not None:
                return self._page_of_ids(filtered, ids)
            is_found_first = not self.has_matching_index
        else:
            is_found_first = self.is_found_first and total <= estimated_counts.MAX_COUNTED
        if self.first >= total:
            return self._page([], total)
        if is_found_first:
            # Few rows are found by their filters and then sorted. A planner that expects more would scan the whole
            # table in the sort's order until it has found enough for a page.
            found = fence_index_scan(self.ordered(filtered))
            return self._page(list(slice_by_pk(found, self.first, per_page)), total)
        return self._page(self.rows(filtered, self.first, per_page), total)

    def _page(self, items: list[Row], total: int, *, is_exact: bool = True) -> Page[Row]:
        return Page(items, total, self.value("page"), self.value("per_page"), is_exact)

    def rows(self, filtered: models.QuerySet[Row], first: int, count: int) -> list[Row]:
        """`count` rows from the offset `first` on, sorted as requested."""
        return list(slice_by_pk(self.ordered(filtered), first, count))

    def _page_of_ids(self, filtered: models.QuerySet[Row], ids: list[int]) -> Page[Row]:
        shown = ids[self.first : self.first + self.value("per_page")]
        found = {row.pk: row for row in self.rows_by_id(filtered, shown)} if shown else {}
        return self._page([found[pk] for pk in shown if pk in found], len(ids))

    def _page_of_large_result(self, filtered: models.QuerySet[Row]) -> Page[Row]:
        """A page of more rows than are counted; their exact number once a page reaches their end."""
        per_page = self.value("per_page")
        rows = self.rows(filtered, self.first, per_page + 1)
        seen = self.first + len(rows)
        if len(rows) > per_page:
            return self._page(rows[:per_page], max(estimated_counts.MAX_COUNTED, seen), is_exact=False)
        return self._page(rows, seen if rows else filtered.order_by().count())

    @property
    def cache_key(self) -> str | None:
        """A key for these filters, None where the rows depend on who reads them."""
        return None

    @property
    def has_matching_index(self) -> bool:
        """Whether an index has exactly the filtered rows, in the list's order."""
        return False

    @property
    def is_found_first(self) -> bool:
        """Whether rows of which there is a `maintained_count` are found by their filters, if few, and then sorted."""
        return False

    def prefetched_ids(self, _: models.QuerySet[Row]) -> list[int] | None:
        """The ids of the rows in their order, at most MAX_COUNTED + 1; None to let the database count and sort them.

        Where finding them takes long, this finds them once and not twice, for their number and for a page.
        """
        return None

    def rows_by_id(self, filtered: models.QuerySet[Row], ids: list[int]) -> models.QuerySet[Row]:
        return filtered.filter(pk__in=ids)

    def maintained_count(self) -> int | None:
        """How many rows there are, if that need not be counted."""
        return None

    def is_estimated_large(self, _: models.QuerySet[Row]) -> bool:
        """Whether there are certainly more rows than are counted, where counting them takes long."""
        return False

    def apply(self, queryset: Any) -> Any:
        raise NotImplementedError

    def ordered(self, queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
        sort = self.sorted_by
        if not sort:
            return queryset
        # The id breaks ties, so that pages never overlap.
        return queryset.order_by(sort_by(self.sorts[sort.lstrip("-")], descending=sort.startswith("-")), "id")
