"""One form of what people type: the same letters come from keyboards and systems in several (UAX #15).

What is stored is composed (NFC); what is searched is folded too, so that neither form nor case matters.
"""

import json
import re
import unicodedata

#: Joiners that some scripts need within a word; all other invisible characters are refused.
JOINERS = {"\u200c", "\u200d"}
#: Letters and symbols that look like blanks: fillers of Hangul, and Braille's empty cell.
BLANK_LETTERS = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}
#: How JSON writes what isn't ASCII.
JSON_ESCAPE = re.compile(r"(?:\\u[0-9a-f]{4})+")


def normalize_text(text: str) -> str:
    """The composed form."""
    return unicodedata.normalize("NFC", text)


def fold_text(text: str) -> str:
    """The form for comparing without regard to case."""
    return normalize_text(normalize_text(text).casefold())


def unicode_forms(text: str) -> list[str]:
    """The composed form and, if it differs, the decomposed one: older events have either."""
    return list(dict.fromkeys(unicodedata.normalize(form, text) for form in ("NFC", "NFD")))


def fold_column(text: str | None) -> str | None:
    """`fold_text` as a function of SQLite, which folds ASCII alone; of JSON too."""
    if text is None or (text.isascii() and "\\u" not in text):
        return text if text is None else text.lower()
    return fold_text(JSON_ESCAPE.sub(lambda found: str(json.loads(f'"{found[0]}"')), text))


def is_deceptive(char: str) -> bool:
    """Whether a character can't be seen, or turns or breaks what stands around it."""
    kind = unicodedata.category(char)
    return (kind[0] == "C" and char not in JOINERS) or kind in {"Zl", "Zp"} or char in BLANK_LETTERS


def confusable_key(text: str) -> str:
    """What two names have in common that can't be told apart: width, case, kinds of blanks and what can't be seen."""
    compatible = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = (" " if char.isspace() else char for char in compatible if not _is_invisible(char))
    return " ".join("".join(seen).split())


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or char == "\u034f"
