"""The page of the settings that are in force: to read, since the environment decides them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.common.requests import PageRequest
from accounts.models import Role
from accounts.permissions import ROLE_READ, SETTINGS_READ
from reprotech import __version__
from reprotech.conf.deploy_checks import unsafe_settings
from reprotech.conf.reference import documented_variables
from reprotech.settings_page.catalogue import GROUPS, VARIABLES, Constant, Group, Variable
from reprotech.settings_page.words import value_in_words
from reprotech.templatetags.reprotech import in_words
from reprotech.web.access import requires
from reprotech.web.responses import render_page

SOURCES = {"environment": "Environment", ".env": ".env file", "default": "Default"}


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    value: str
    source: str
    name: str = ""
    explanation: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def is_chosen(self) -> bool:
        return self.source in {SOURCES["environment"], SOURCES[".env"]}


@requires(SETTINGS_READ)
@require_safe
def show_settings(request: PageRequest) -> HttpResponse:
    rows = list(_rows())
    is_narrowed = request.GET.get("show") == "chosen"
    shown = [(group, [row for row in of_group if row.is_chosen or not is_narrowed]) for group, of_group in rows]
    env = settings.ENV
    context = {
        "groups": [(group, of_group) for group, of_group in shown if of_group],
        "is_narrowed": is_narrowed,
        "count": sum(len(of_group) for _, of_group in rows),
        "chosen_count": sum(row.is_chosen for _, of_group in rows for row in of_group),
        "warning_count": sum(len(row.warnings) for _, of_group in rows for row in of_group),
        "version": __version__,
        "build": settings.BUILD_ID,
        "read_at": env.read_at,
        "edited_at": _edited_since(env.env_file, env.read_at),
        "requiring_roles": (
            Role.objects.filter(requires_factor=True) if request.user.has_perm(ROLE_READ) else Role.objects.none()
        ),
        "crumbs": [("Settings", None)],
    }
    return render_page(request, "settings/settings.html", context)


def _rows() -> Iterator[tuple[Group, list[Row]]]:
    paragraphs = list(documented_variables(settings.ENV))
    explanations = {name: " ".join(paragraph.text) for paragraph in paragraphs for name in paragraph.names}
    warnings: dict[str, list[str]] = defaultdict(list)
    for warning in unsafe_settings():
        warnings[str(warning.obj)].append(warning.msg)
    for group in GROUPS:
        yield group, [_row(entry, explanations, warnings) for entry in group.entries]
    # A variable that was forgotten in the catalogue is shown all the same.
    known = {variable.name for variable in VARIABLES}
    if others := [Variable(name, name) for paragraph in paragraphs for name in paragraph.names if name not in known]:
        yield Group("other", "Other", "commands", ()), [_row(entry, explanations, warnings) for entry in others]


def _row(entry: Variable | Constant, explanations: dict[str, str], warnings: dict[str, list[str]]) -> Row:
    if isinstance(entry, Constant):
        value = entry.value()
        return Row(entry.label, value if isinstance(value, str) else in_words(value), "Built in")
    env, name = settings.ENV, entry.name
    return Row(
        entry.label,
        value_in_words(env, entry),
        SOURCES[env.source(name)],
        name,
        explanations.get(name, ""),
        warnings.get(name, []),
    )


def _edited_since(env_file: Path, read_at: datetime) -> datetime | None:
    """When `.env` was changed, if this process doesn't know of it."""
    try:
        edited = datetime.fromtimestamp(env_file.stat().st_mtime, UTC)
    except OSError:
        return None
    return edited if edited > read_at else None
