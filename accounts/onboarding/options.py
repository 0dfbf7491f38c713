"""What a person chooses for an import, as the API, the pages and commands name it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError

from accounts.core.validators import validate_plain_text
from accounts.onboarding.leavers import LeaverOptions
from accounts.users.csv.choices import FileChoices
from reprotech.core.exceptions import ValidationFailed
from reprotech.core.normalization import normalize_text

CREATE, UPDATE = "create", "update"
MODES = (CREATE, UPDATE)
DEFAULT_LIST = "HR"
MAX_LIST_LENGTH = 60
#: Of the JSON of a mapping: there are at most a thousand columns.
MAX_JSON_LENGTH = 100_000
MAPPING_HINT = 'Give an object of your headings and our columns, such as {"Family name": "last_name", "Team": ""}.'
ROLE_WORDS_HINT = 'Give an object of words and the roles that they mean, such as {"Analyst": ["Researcher"]}.'


@dataclass(frozen=True, slots=True)
class ImportOptions:
    mode: str = CREATE
    #: The name of the list that the file is: who stands in it can be missing from the next one.
    source: str = DEFAULT_LIST
    #: None where nobody's account ends.
    leavers: LeaverOptions | None = None


def read_options(
    *,
    mode: str = "",
    source: str = "",
    leavers: bool = False,
    last_day: date | None = None,
    keep: Collection[str] = (),
    ticked: frozenset[int] | None = None,
    confirmed: int | None = None,
) -> ImportOptions:
    """Raises ValidationFailed for choices that don't go together: nobody may think that they count."""
    mode, source = mode or CREATE, normalize_text(source).strip()
    kept = frozenset(name.strip().lower() for name in keep if name.strip())
    chosen = {"last_day": last_day is not None, "keep": bool(kept), "confirm_leavers": confirmed is not None}
    errors = {name: ["It is for imports with leavers=true."] for name, is_given in chosen.items() if is_given}
    errors = {} if leavers else errors
    if mode == CREATE:
        given = {"list": bool(source), "leavers": leavers}
        errors |= {name: ["It is for imports with mode=update."] for name, is_given in given.items() if is_given}
    if len(source) > MAX_LIST_LENGTH:
        errors["list"] = [f"Use at most {MAX_LIST_LENGTH} characters."]
    try:
        validate_plain_text(source)
    except ValidationError as refused:
        errors["list"] = list(refused.messages)
    if errors:
        raise ValidationFailed(errors)
    return ImportOptions(
        mode, source or DEFAULT_LIST, LeaverOptions(last_day, ticked, kept, confirmed) if leavers else None
    )


def read_choices(*, mapping: str = "", role_words: str = "", day_order: str = "") -> FileChoices:
    """What a program says about its file, as JSON. Raises ValidationFailed."""
    columns = _read_object(mapping, "mapping", MAPPING_HINT)
    words = _read_object(role_words, "role_words", ROLE_WORDS_HINT)
    if not all(isinstance(name, str) for name in columns.values()):
        raise ValidationFailed({"mapping": [MAPPING_HINT]})
    meanings = {word: [names] if isinstance(names, str) else names for word, names in words.items()}
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in meanings.values()):
        raise ValidationFailed({"role_words": [ROLE_WORDS_HINT]})
    choices = FileChoices(columns, day_order, meanings)
    choices.refuse_unknown()
    return choices


def _read_object(text: str, name: str, hint: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = json.loads(text) if len(text) <= MAX_JSON_LENGTH else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValidationFailed({name: [hint]})
    return found
