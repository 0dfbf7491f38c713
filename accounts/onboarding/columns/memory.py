"""What a person chose for files of the same headings, so that next month's file needs no questions."""

import hashlib
from collections.abc import Iterable

from accounts.access.authorization import service
from accounts.models import Preferences, User
from accounts.onboarding.headings import fold_heading
from accounts.preferences.services import preferences_of
from accounts.users.csv.choices import MAPPED_COLUMNS, FileChoices
from accounts.users.csv.days import ORDERS

#: Among the settings of a person's lists.
NAME = "import"
#: The latest go on.
MAX_REMEMBERED = 10
#: Of words for roles: more would be a column of something else.
MAX_WORDS = 200


def _key(headings: Iterable[str]) -> str:
    """Of the headings, whatever their order, case and accents. It says nothing about the file to others."""
    folded = "\n".join(sorted(fold_heading(heading) for heading in headings))
    return hashlib.sha256(folded.encode(errors="replace")).hexdigest()[:32]


def remembered_choices(user: User, headings: Iterable[str]) -> FileChoices | None:
    """What they chose for such a file, as far as it can still be chosen; None if there was none."""
    headings = list(headings)
    stored = preferences_of(user).lists.get(NAME)
    found = stored.get(_key(headings)) if isinstance(stored, dict) else None
    if not isinstance(found, dict):
        return None
    columns, words, order = found.get("columns"), found.get("words"), found.get("day_order")
    if not isinstance(columns, dict) or not isinstance(words, dict):
        return None
    by_heading = {
        heading: name
        for heading in headings
        if (name := columns.get(fold_heading(heading))) == "" or name in MAPPED_COLUMNS
    }
    meanings = {str(word): [str(slug) for slug in slugs] for word, slugs in words.items() if isinstance(slugs, list)}
    return FileChoices(by_heading, order if order in ORDERS else "", meanings)


@service
def remember_choices(*, actor: User, choices: FileChoices) -> None:
    """Store what was chosen for files with these headings; the oldest of many are forgotten."""
    Preferences.objects.get_or_create(user_id=actor.pk)
    # Locked: another list's settings, stored at the same time, stay.
    preferences = Preferences.objects.select_for_update().get(user_id=actor.pk)
    stored = preferences.lists.get(NAME)
    key = _key(choices.columns)
    others = {name: each for name, each in stored.items() if name != key} if isinstance(stored, dict) else {}
    chosen = {
        "columns": {fold_heading(heading): name for heading, name in choices.columns.items()},
        "day_order": choices.day_order,
        "words": dict(list(choices.role_words.items())[:MAX_WORDS]),
    }
    kept = list(others.items())[-(MAX_REMEMBERED - 1) :]
    preferences.lists = {**preferences.lists, NAME: {**dict(kept), key: chosen}}
    preferences.save(update_fields=["lists"])
