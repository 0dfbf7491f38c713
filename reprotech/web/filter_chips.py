"""The filters of a list: those that are selects, and those in use, each with the address of the list without it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict

#: (value, label, is it chosen), as a select shows them.
Option = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class FilterChip:
    label: str
    value: str
    #: A query string, "" for none.
    without: str


@dataclass(frozen=True, slots=True)
class FilterSelect:
    """A filter of which one chooses a value; `any` is what it says while it isn't set."""

    name: str
    label: str
    options: Sequence[Option]
    any: str = "Any"


def filter_chips(
    query: QueryDict, labels: Mapping[str, str], options: Mapping[str, Iterable[Option]] | None = None
) -> list[FilterChip]:
    """A chip for each of the filters `labels` that `query` sets; `options` have the words for their values."""
    chips = []
    for name, label in labels.items():
        if value := query.get(name, ""):
            shown = next((text for _, text, is_chosen in (options or {}).get(name, ()) if is_chosen), value)
            rest = query.copy()
            # Without a filter the list is longer: its first page.
            for dropped in (name, "page"):
                rest.pop(dropped, None)
            chips.append(FilterChip(label, shown, rest.urlencode()))
    return chips
