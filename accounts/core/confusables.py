"""Names that look the same though their letters differ: a Cyrillic A and a Latin A (UTS #39, section 4).

The letters come from the package confusable-homoglyphs. It takes 14 MB, so it is imported when a role gets a name.
Digits are left out: names differ by them, as in "Phase 1".
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from reprotech.core.normalization import confusable_key


def confusable_forms(name: str) -> set[tuple[str, str]]:
    """What a name looks like in small letters and as written: two names that share either can't be told apart."""
    composed = unicodedata.normalize("NFKC", name)
    return {
        ("in small letters", _pairs(_skeleton(confusable_key(composed)))),
        ("as written", _pairs(confusable_key(_skeleton(composed)))),
    }


def _skeleton(text: str) -> str:
    return unicodedata.normalize("NFD", text).translate(_prototypes())


def _pairs(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("rn", "m")


@cache
def _prototypes() -> dict[int, str]:
    """For each letter with lookalikes the one that represents them: the first by code point."""
    found: dict[int, str] = {}
    for group in _groups():
        prototype = min(group)
        # Not a small l, which case would make an L: "AI" and "AL" look different.
        found |= dict.fromkeys(map(ord, group), "\u01c0" if "l" in group else prototype)
    return found


def _groups() -> Iterator[list[str]]:
    """Groups of letters that look the same; the relation is transitive, as in UTS #39's skeletons."""
    from confusable_homoglyphs.confusables import confusables_data

    alike: dict[str, set[str]] = defaultdict(set)
    for text, others in confusables_data.items():
        for other in others:
            alike[text].add(other["c"])
            alike[other["c"]].add(text)
    while alike:
        text, found = alike.popitem()
        group = {text}
        while found:
            group |= found
            found = {other for each in found for other in alike.pop(each, ())} - group
        letters = [text for text in group if _is_plain_letter(text)]
        if len(letters) > 1:
            yield letters


def _is_plain_letter(text: str) -> bool:
    """Whether it is one letter, in the normalized form that is looked up."""
    return len(text) == 1 and text.isalpha() and all(unicodedata.is_normalized(form, text) for form in ("NFKC", "NFD"))
