"""A user's roles and permissions, computed once for each request."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, JSONField, OuterRef, Q, Subquery, Value
from django.db.models.functions import JSONObject
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from accounts.core.catalogue import in_catalogue_order

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from accounts.models import Role
    from accounts.models.role_grants import RoleGrantQuerySet


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


class JSONArrayAgg(Aggregate):
    """The values of a group as one JSON array, on both databases."""

    function = "JSONB_AGG"
    template = "%(function)s(%(expressions)s)"
    output_field = JSONField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        return self.as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **context)


def current_grants() -> "RoleGrantQuerySet":
    """Grants of roles that hold now."""
    grants: RoleGrantQuerySet = apps.get_model("accounts", "RoleGrant").objects.current()
    return grants.order_by()


def roles_of(user_id: str) -> "RoleGrantQuerySet":
    """The roles that a row's user holds now, for a subquery; `user_id` is the row's column."""
    return current_grants().filter(user=OuterRef(user_id))


@cache
def grant_periods(user_id: str) -> Subquery:
    """The starts and ends of these users' grants as one column, also of those that hold later; None without any."""
    grants = apps.get_model("accounts", "RoleGrant").objects.order_by().filter(user=OuterRef(user_id))
    bounded = grants.filter(Q(starts_at__isnull=False) | Q(ends_at__isnull=False)).values("user")
    period = JSONObject(starts_at="starts_at", ends_at="ends_at")
    return Subquery(bounded.annotate(found=JSONArrayAgg(period)).values("found"))


@cache
def role_rows(user_id: str) -> Subquery:
    """Position, name and slug of each of these roles as one column; None when there are none."""
    # Cached, as building it takes longer than the copy that each query makes.
    role = JSONObject(position="role__position", name="role__name", slug="role__slug")
    return Subquery(roles_of(user_id).values("user").annotate(found=JSONArrayAgg(role)).values("found"))


@cache
def held_permissions(user_id: str) -> Subquery:
    """The names of the permissions that these roles give as one column, some of them repeatedly."""
    given = roles_of(user_id).filter(role__permissions__isnull=False).values("user")
    return Subquery(given.annotate(found=JSONArrayAgg("role__permissions__name")).values("found"))


def grant_columns(user_id: str) -> "dict[str, Combinable]":
    """What `Grants.loaded_with` reads besides the roles; `read_after` is no later than any time in the query."""
    return {
        "held_permissions": held_permissions(user_id),
        "grant_periods": grant_periods(user_id),
        "read_after": Value(timezone.now(), output_field=models.DateTimeField()),
    }


def sort_role_rows(role_rows: list[RoleRow] | None) -> list[RoleRow]:
    return sorted(role_rows or [], key=lambda role: (role["position"], role["name"]))
