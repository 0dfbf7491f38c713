"""A user's roles and permissions, computed once for each request."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from accounts.core.catalogue import in_catalogue_order

if TYPE_CHECKING:
    from accounts.models import Role


class RoleRow(TypedDict):
    """A role as `querysets.role_rows` reads it."""

    position: int
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class Grants:
    """Roles in their order, and the union of the roles' permissions."""

    role_names: tuple[str, ...] = ()
    role_slugs: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    #: When the next grant begins or ends: from then on other roles may be held. None if none does.
    changes_at: datetime | None = None

    @property
    def ordered_permissions(self) -> list[str]:
        return in_catalogue_order(self.permissions)

    @classmethod
    def of(cls, roles: Iterable["Role"]) -> "Grants":
        """What these roles give, without their next change; permissions that aren't prefetched cost a query each."""
        ordered = sorted(roles, key=lambda role: (role.position, role.name))
        return cls(
            role_names=tuple(role.name for role in ordered),
            role_slugs=tuple(role.slug for role in ordered),
            permissions=frozenset(permission.name for role in ordered for permission in role.permissions.all()),
        )

    @classmethod
    def loaded_with(cls, row: Any) -> "Grants":
        """The grants of the user of a row that `with_grants` read."""
        rows = sort_role_rows(row.role_rows)
        return cls(
            role_names=tuple(role["name"] for role in rows),
            role_slugs=tuple(role["slug"] for role in rows),
            permissions=frozenset(row.held_permissions or []),
            changes_at=_next_boundary(row.grant_periods, row.read_after),
        )

    def within(self, scopes: frozenset[str]) -> "Grants":
        return replace(self, permissions=self.permissions & scopes)


def _next_boundary(periods: list[dict[str, str | None]] | None, after: datetime) -> datetime | None:
    # Those that passed while the query ran too: what was read may be of before.
    texts = (text for period in periods or () for text in period.values() if text)
    # SQLite's have no time zone: it is UTC.
    moments = (datetime.fromisoformat(text) for text in texts)
    aware = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in moments)
    return min((moment for moment in aware if moment > after), default=None)


def sort_role_rows(role_rows: list[RoleRow] | None) -> list[RoleRow]:
    return sorted(role_rows or [], key=lambda role: (role["position"], role["name"]))
