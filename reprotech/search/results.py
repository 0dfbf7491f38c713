"""What a search gives, and how names are matched."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.http import QueryDict

from accounts.models import User
from accounts.permissions import USER_READ
from accounts.user_list.filters import UserFilter
from reprotech.core.normalization import fold_text

Record = TypeVar("Record")

WORD = re.compile(r"\w+")
#: Results of one kind.
MAX_RESULTS = 6


@dataclass(frozen=True, slots=True)
class Result:
    title: str
    subtitle: str
    url: str
    #: Of Lucide.
    icon: str = ""
    #: Shown with their face instead of an icon.
    person: User | None = None


@dataclass(frozen=True, slots=True)
class Group:
    kind: str
    label: str
    results: list[Result]


def matching_people(reader: User, folded: str) -> list[User]:
    if not folded or not reader.has_perm(USER_READ):
        return []
    visible = User.objects.visible_to(reader)
    query = QueryDict(mutable=True)
    query.update({"search": folded[:200], "per_page": str(MAX_RESULTS)})
    found = list(UserFilter.parse(query).page_of(visible.with_roles()).items)
    # The list is in the order of numbers: whose very name it is comes first, however many others contain it.
    exact = visible.known_as(folded)
    return found if exact is None else [exact, *(person for person in found if person.pk != exact.pk)][:MAX_RESULTS]


def matching(records: Iterable[Record], folded: str, text_of: Callable[[Record], str]) -> list[Record]:
    """Those in which each typed word begins a word; they are few, so no index is needed."""
    typed = WORD.findall(folded)
    if folded and not typed:
        return []
    return [record for record in records if _begin_words(typed, fold_text(text_of(record)))][:MAX_RESULTS]


def _begin_words(typed: list[str], text: str) -> bool:
    words = WORD.findall(text)
    return all(any(word.startswith(one) for word in words) for one in typed)
