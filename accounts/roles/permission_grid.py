"""All permissions by roles: what the page of permissions shows, in memory, whatever the number of roles."""

from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar
from urllib.parse import urlencode

from django import forms
from django.urls import reverse

from accounts.core.text import humanize
from accounts.models import Permission, Role
from accounts.roles.applications import Registered
from accounts.roles.permission_tables import group_of
from reprotech.core.normalization import fold_text
from reprotech.web.fields import ChoiceParam
from reprotech.web.query_params import QueryParams

MAX_CHOSEN = 500
#: With more roles than these a phone shows how many hold a permission, not which.
MAX_NAMED_ROLES = 12


class SlugsParam(forms.Field):
    """Slugs of roles, given once each. Those that no role has are left to the page, which says so."""

    widget = forms.SelectMultiple

    def clean(self, value: list[str] | None) -> list[str]:
        slugs = list(dict.fromkeys(slug for slug in value or [] if slug))
        if len(slugs) > MAX_CHOSEN:
            raise forms.ValidationError(f"Choose at most {MAX_CHOSEN} roles.")
        return slugs


class GridQuery(QueryParams):
    repeatable: ClassVar[frozenset[str]] = frozenset({"role"})

    search = forms.CharField(required=False, max_length=200)
    role = SlugsParam(required=False)
    differences = ChoiceParam("true")

    def address(self, roles: list[str]) -> str:
        """The query string of the same search for other roles."""
        given = [(name, self.value(name)) for name in ("search", "differences") if self.value(name)]
        return f"?{urlencode([*given, *(('role', slug) for slug in roles)])}"


@dataclass(frozen=True, slots=True)
class GridRow:
    """A permission, and for each role shown the address of who has it through that role; "" if none has."""

    permission: Permission
    url: str
    cells: list[tuple[Role, str]]
    role_count: int
    #: The first of its resource.
    is_first: bool

    @property
    def is_alike(self) -> bool:
        held = [bool(url) for _, url in self.cells]
        return all(held) or not any(held)


@dataclass(frozen=True, slots=True)
class PermissionGrid:
    groups: list[tuple[str, list[GridRow]]]
    shown: list[Role]
    #: Every role, whether it was chosen, and the address without it.
    choices: list[tuple[Role, bool, str]]
    #: Slugs in the address that no role has any more.
    unknown: list[str]
    total: int

    @property
    def row_count(self) -> int:
        return sum(len(rows) for _, rows in self.groups)

    @property
    def chosen(self) -> list[tuple[Role, str]]:
        return [(role, address) for role, is_chosen, address in self.choices if is_chosen]

    @property
    def names_roles(self) -> bool:
        return len(self.shown) <= MAX_NAMED_ROLES


def permission_grid(query: GridQuery, permissions: list[Permission], roles: list[Role]) -> PermissionGrid:
    slugs = {role.slug for role in roles}
    wanted: list[str] = query.value("role")
    chosen = [slug for slug in wanted if slug in slugs]
    shown = [role for role in roles if role.slug in chosen] or roles
    holders = {permission.pk: set[int]() for permission in permissions}
    for role in roles:
        for permission in role.permissions.all():
            holders[permission.pk].add(role.pk)
    rows = _rows([permission for permission in permissions if _matches(permission, query)], shown, holders)
    if query.value("differences"):
        rows = [row for row in rows if not row.is_alike]
    grouped = groupby(rows, key=lambda row: _group_of(row.permission))
    names = Registered.applications.names() if any(permission.application_slug for permission in permissions) else {}
    return PermissionGrid(
        groups=[(names.get(label, label), list(found)) for label, found in grouped],
        shown=shown,
        choices=[
            (role, role.slug in chosen, query.address([slug for slug in chosen if slug != role.slug])) for role in roles
        ],
        unknown=[slug for slug in wanted if slug not in slugs],
        total=len(permissions),
    )


def _rows(permissions: list[Permission], shown: list[Role], holders: dict[int, set[int]]) -> list[GridRow]:
    through = [(role, f"?{urlencode({'role': role.slug})}") for role in shown]
    rows, resource = [], ""
    for permission in permissions:
        url, held = reverse("permission", args=[permission.name]), holders[permission.pk]
        cells = [(role, url + query if role.pk in held else "") for role, query in through]
        group = f"{_group_of(permission)} {permission.resource}"
        rows.append(GridRow(permission, url, cells, len(held), is_first=group != resource))
        resource = group
    return rows


def _matches(permission: Permission, query: GridQuery) -> bool:
    """Whether each word of the search stands in the permission's name, its sentence, resource or group."""
    resource = permission.resource
    text = fold_text(f"{permission.name} {permission.description} {humanize(resource)} {_group_of(permission)}")
    return all(word in text for word in fold_text(query.value("search")).split())


def _group_of(permission: Permission) -> str:
    """The heading that it stands under, or the short name of its application."""
    return permission.application_slug or group_of(permission.resource)
