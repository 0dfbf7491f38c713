"""The roles that a cell names, by their names or by words that someone explained."""

import re
from collections.abc import Mapping

from django.db.models import Q

from accounts.models import Role
from accounts.users.csv.columns import truncate
from accounts.users.csv.export import IMPORT_ROLE_SEPARATORS


class RoleWords:
    def __init__(self, meanings: Mapping[str, list[str]]) -> None:
        """`meanings` are names of roles by the word; a role of that very name goes before."""
        self._meanings = {word.casefold(): tuple(names) for word, names in meanings.items()}
        self._names_with_separators = _names_with_separators()
        self._known: set[str] | None = None

    def roles(self, cell: str, problems: list[str]) -> tuple[str, ...]:
        names = self.words(cell, problems)
        if not self._meanings:
            return names
        found = [name for word in names for name in self._meaning(word)]
        return tuple(dict.fromkeys(found))

    def words(self, cell: str, problems: list[str]) -> tuple[str, ...]:
        """What stands in a cell. A word that someone explained is one, also with separators in it."""
        if cell.casefold() in self._meanings:
            return (cell,)
        # A name with separators in it is refused where it could be read as several roles too.
        if match := self._names_with_separators.get(cell.casefold()):
            slug, is_ambiguous = match
            if is_ambiguous:
                problems.append(f"roles: “{truncate(cell)}” is one role and several. Write {slug} for the one.")
            return (slug,)
        parts = [part.strip() for part in re.split(r"[;|\r\n]", cell)]
        if len(parts) > 1:
            return tuple(name for part in parts for name in self.words(part, problems))
        return _split_names(cell)

    def is_role(self, word: str) -> bool:
        if self._known is None:
            self._known = {text.casefold() for names in Role.objects.values_list("name", "slug") for text in names}
        return word.casefold() in self._known

    def is_known(self, word: str) -> bool:
        return word.casefold() in self._meanings or self.is_role(word)

    def _meaning(self, word: str) -> tuple[str, ...]:
        return (word,) if self.is_role(word) else self._meanings.get(word.casefold(), (word,))


def _names_with_separators() -> dict[str, tuple[str, bool]]:
    """Roles whose names contain separators, by name: the slug, and whether the parts are roles too."""
    has_separator = Q()
    for mark in IMPORT_ROLE_SEPARATORS:
        has_separator |= Q(name__contains=mark)
    return {
        name.casefold(): (slug, all(Role.objects.named(part) for part in _split_names(name)))
        for name, slug in Role.objects.filter(has_separator).values_list("name", "slug")
    }


def _split_names(text: str) -> tuple[str, ...]:
    parts = re.split(f"[{IMPORT_ROLE_SEPARATORS}]", text)
    return tuple(name for part in parts if (name := part.strip()))
