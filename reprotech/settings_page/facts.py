"""The settings that are in force, for the page and the API: no secret is among them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings

from reprotech.conf.deploy_checks import unsafe_settings
from reprotech.conf.reference import documented_variables
from reprotech.settings_history.history import Change, History
from reprotech.settings_page.catalogue import GROUPS, VARIABLES, Constant, Group, Variable
from reprotech.settings_page.words import value_in_words
from reprotech.templatetags.reprotech import in_words

SOURCES = {"environment": "Environment", ".env": ".env file", "default": "Default"}


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    value: str
    source: str
    since: Change
    name: str = ""
    explanation: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def is_chosen(self) -> bool:
        return self.source in {SOURCES["environment"], SOURCES[".env"]}


def rows(history: History) -> Iterator[tuple[Group, list[Row]]]:
    paragraphs = list(documented_variables(settings.ENV))
    explanations = {name: " ".join(paragraph.text) for paragraph in paragraphs for name in paragraph.names}
    warnings: dict[str, list[str]] = defaultdict(list)
    for warning in unsafe_settings():
        warnings[str(warning.obj)].append(warning.msg)
    for group in GROUPS:
        yield group, [_row(entry, explanations, warnings, history) for entry in group.entries]
    # A variable that was forgotten in the catalogue is shown all the same.
    known = {variable.name for variable in VARIABLES}
    if others := [Variable(name, name) for paragraph in paragraphs for name in paragraph.names if name not in known]:
        yield (
            Group("other", "Other", "commands", ()),
            [_row(entry, explanations, warnings, history) for entry in others],
        )


def _row(
    entry: Variable | Constant, explanations: dict[str, str], warnings: dict[str, list[str]], history: History
) -> Row:
    if isinstance(entry, Constant):
        value = entry.value()
        return Row(
            entry.label, value if isinstance(value, str) else in_words(value), "Built in", history.since("version")
        )
    env, name = settings.ENV, entry.name
    return Row(
        entry.label,
        value_in_words(env, entry),
        SOURCES[env.source(name)],
        history.since(name),
        name,
        explanations.get(name, ""),
        warnings.get(name, []),
    )


def edited_since() -> datetime | None:
    """When `.env` was changed, if this process doesn't know of it."""
    env = settings.ENV
    try:
        edited = datetime.fromtimestamp(env.env_file.stat().st_mtime, UTC)
    except OSError:
        return None
    return edited if edited > env.read_at else None
