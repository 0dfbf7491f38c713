"""What a search gives, and how names are matched."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from accounts.models import User
from accounts.permissions import USER_READ
from accounts.users.people_search import best_matches
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


def matching_people(reader: User, folded: str, *, with_roles: bool = True) -> list[User]:
    """With their roles, unless it doesn't matter what may be done to them."""
    if not reader.has_perm(USER_READ):
        return []
    visible = User.objects.visible_to(reader)
    return best_matches(visible.with_roles() if with_roles else visible, folded, MAX_RESULTS)


def matching(records: Iterable[Record], folded: str, text_of: Callable[[Record], str]) -> list[Record]:
    """Those in which each typed word begins a word; they are few, so no index is needed."""
    typed = WORD.findall(folded)
    if folded and not typed:
        return []
    return [record for record in records if _begin_words(typed, fold_text(text_of(record)))][:MAX_RESULTS]


def _begin_words(typed: list[str], text: str) -> bool:
    words = WORD.findall(text)
    return all(any(word.startswith(one) for word in words) for one in typed)
