"""Names that look the same though their letters differ: a Cyrillic A and a Latin A (UTS #39, section 4).

The one maintained library with this data, confusable-homoglyphs, keeps 14 MB of it in each process and has no
skeletons; of the data, letters are what names of people and roles can hold.
"""

import unicodedata
from functools import cache
from pathlib import Path

from audit.normalization import look_of

GROUPS = Path(__file__).with_name("confusables.txt")


def looks_of(name: str) -> set[tuple[str, str]]:
    """What a name looks like in small letters and as it is written: two that share either can't be told apart."""
    composed = unicodedata.normalize("NFKC", name)
    return {
        ("in small letters", _pairs(_skeleton(look_of(composed)))),
        ("as written", _pairs(look_of(_skeleton(composed)))),
    }


def _skeleton(text: str) -> str:
    return unicodedata.normalize("NFD", text).translate(_prototypes())


def _pairs(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("rn", "m")


@cache
def _prototypes() -> dict[int, str]:
    lines = GROUPS.read_text(encoding="utf-8").splitlines()
    groups = [group for line in lines if not line.startswith("#") for group in line.split()]
    found = {ord(letter): group[0] for group in groups for letter in group}
    # Not a small l, which case would make an L: "AI" and "AL" look different.
    return {letter: "\u01c0" if prototype == "l" else prototype for letter, prototype in found.items()}
