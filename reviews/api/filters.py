"""The filters of reviews and of their items, the same for the API and the pages."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms

from accounts.models import User
from reprotech.web.fields import ChoiceParam, IntegerParam
from reprotech.web.pagination import MAX_PER_PAGE, ListFilter
from reprotech.web.query_params import QueryParams
from reviews.models import Review
from reviews.models.querysets import ReviewItemQuerySet, ReviewQuerySet
from reviews.reports.services import FORMATS

#: Values of `show`; each narrows the items of a review.
SHOWN = ("mine", "undecided", "decided", "keep", "change", "remove", "pending", "changed", "unchanged", "own")


class ReviewFilter(ListFilter):
    """A page of reviews, the latest first."""

    status = ChoiceParam(*Review.STATUSES)
    mine = ChoiceParam("true", "false", help_text="Only those whose items the reader may decide.")

    def __init__(self, data: Any = None, *, reader: User | None = None) -> None:
        super().__init__(data)
        self.reader = reader

    def apply(self, queryset: ReviewQuerySet) -> ReviewQuerySet:
        reviews = queryset.order_by("-id")
        if status := self.value("status"):
            reviews = reviews.with_status(status)
        if self.value("mine") == "true" and self.reader:
            reviews = reviews.assigned_to(self.reader)
        return reviews


class ReportParams(QueryParams):
    format = ChoiceParam(*FORMATS)


class ItemFilter(ListFilter):
    """A page of a review's items, in their order."""

    sorts: ClassVar = {}

    search = forms.CharField(required=False, max_length=200)
    show = ChoiceParam(*SHOWN, help_text="`mine`: those that the reader can decide and nobody has.")
    per_page = IntegerParam(default=MAX_PER_PAGE, max_value=MAX_PER_PAGE)

    def __init__(self, data: Any = None, *, reader: User | None = None) -> None:
        super().__init__(data)
        self.reader = reader

    def apply(self, queryset: ReviewItemQuerySet) -> ReviewItemQuerySet:
        items = queryset.order_by("position")
        if term := self.value("search"):
            items = items.search(term)
        return self._shown(items, self.value("show"))

    def _shown(self, items: ReviewItemQuerySet, show: str) -> ReviewItemQuerySet:
        if show in {"keep", "change", "remove"}:
            return items.filter(decision=show)
        reader = self.reader
        narrowed: dict[str, Callable[[], ReviewItemQuerySet]] = {
            "mine": lambda: items.decidable_by(reader) if reader else items.undecided(),
            "undecided": items.undecided,
            "decided": lambda: items.exclude(decision=""),
            "pending": items.pending,
            "changed": lambda: items.exclude(changes={}),
            "unchanged": items.unchanged,
            "own": lambda: items.filter(user=reader.pk if reader else None),
        }
        return narrowed.get(show, items.all)()
