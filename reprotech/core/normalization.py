"""Unicode normalization of what people type: keyboards and systems send the same letters in several forms (UAX #15).

What is stored is composed (NFC); what is searched is folded too, so that neither form nor case matters.
"""

import json
import re
import unicodedata
from itertools import pairwise

#: Joiners that some scripts need within a word; all other invisible characters are refused.
JOINERS = {"\u200c", "\u200d"}
#: Letters and symbols that look like blanks: fillers of Hangul, and Braille's empty cell.
BLANK_LETTERS = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}
JSON_ESCAPE = re.compile(r"(?:\\u[0-9a-f]{4})+")


def normalize_text(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def fold_text(text: str) -> str:
    return normalize_text(normalize_text(text).casefold())


def unicode_forms(text: str) -> list[str]:
    """The composed form and, if it differs, the decomposed one: older audit events have either."""
    return list(dict.fromkeys(unicodedata.normalize(form, text) for form in ("NFC", "NFD")))


def fold_column(text: str | None) -> str | None:
    """`fold_text` as a function for SQLite, whose own folds ASCII alone; also for escapes in JSON."""
    if text is None or (text.isascii() and "\\u" not in text):
        return text if text is None else text.lower()
    return fold_text(JSON_ESCAPE.sub(lambda found: str(json.loads(f'"{found[0]}"')), text))


def is_deceptive(text: str) -> bool:
    """Whether a text has characters that are invisible, or reverse or break the text around them.

    Joiners that join nothing are among them: a text of these alone is blank.
    """
    if any(map(is_deceptive_character, text)):
        return True
    return any(char in JOINERS and (before.isspace() or before in JOINERS) for before, char in pairwise(f" {text}"))


def is_deceptive_character(char: str) -> bool:
    """Whether it is so wherever it stands."""
    kind = unicodedata.category(char)
    return (kind[0] == "C" and char not in JOINERS) or kind in {"Zl", "Zp"} or char in BLANK_LETTERS


def confusable_key(text: str) -> str:
    """Equal for names that differ only in width, case, kinds of blanks and invisible characters."""
    compatible = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = (" " if char.isspace() else char for char in compatible if not _is_invisible(char))
    return " ".join("".join(seen).split())


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or char == "\u034f"
