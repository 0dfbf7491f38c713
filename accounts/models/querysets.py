"""Queries on users, roles, permissions and sessions, as adjectives."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.apps import apps
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import Aggregate, Count, Exists, Func, JSONField, OuterRef, Prefetch, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Concat, JSONObject, Lower
from django.utils import timezone
from django.utils.text import slugify

from accounts.core.catalogue import SUPER_ADMIN
from accounts.core.email_addresses import InvalidDomain, lookup_address, normalize_address
from audit.tracking.model_tracking import TrackedQuerySet
from reprotech.core.normalization import fold_text, normalize_text

if TYPE_CHECKING:
    from accounts.models import ApiKey, Permission, Role, Session, User  # noqa: F401 (named in strings below)
    from reprotech.core.actors import Actor

#: What the names of `UserCount` begin with that tell how many hold a role; its id follows.
ROLE_COUNTER_PREFIX = "role "
#: Letters that a search needs for PostgreSQL to find them by its index of trigrams.
TRIGRAM_LENGTH = 3
#: A larger share of users is met soon when all are looked at: by an index it would take longer.
MAX_INDEXED_SHARE = 0.1
SHARE_SQL = """
    SELECT share FROM pg_stats,
        unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (letters, share)
    WHERE schemaname = current_schema AND tablename = 'user_short_search' AND letters = %s
"""

Row = TypeVar("Row", bound=models.Model)


class JSONArrayAgg(Aggregate):
    """The values of a group as one JSON array, on both databases."""

    function = "JSONB_AGG"
    template = "%(function)s(%(expressions)s)"
    output_field = JSONField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite's name for it."""
        return self.as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **context)


class SearchLetters(Func):
    """Each letter of a text and each two that follow each other: what the index `user_short_search` finds users by."""

    function = "user_search_letters"
    output_field = ArrayField(models.TextField())


def expected_share(letters: str) -> float:
    """The share of users that PostgreSQL expects to have a letter, or two that follow each other; 0 where it is low."""
    with connection.cursor() as cursor:
        cursor.execute(SHARE_SQL, [letters])
        found = cursor.fetchone()
    return float(found[0]) if found else 0


def roles_of(user_id: str) -> Any:
    """The roles that a row's user holds, for a subquery; `user_id` is the row's column."""
    user_roles: Any = apps.get_model("accounts", "User").roles.through.objects
    return user_roles.filter(user=OuterRef(user_id)).order_by()


@cache
def role_rows(user_id: str) -> Subquery:
    """Position, name and slug of each of these roles as one column; None when there are none.

    Put together once: a query takes its own copy.
    """
    role = JSONObject(position="role__position", name="role__name", slug="role__slug")
    return Subquery(roles_of(user_id).values("user").annotate(found=JSONArrayAgg(role)).values("found"))


@cache
def held_permissions(user_id: str) -> Subquery:
    """The names of the permissions that these roles give as one column, some of them repeatedly; put together once."""
    given = roles_of(user_id).filter(role__permissions__isnull=False).values("user")
    return Subquery(given.annotate(found=JSONArrayAgg("role__permissions__name")).values("found"))


class UserQuerySet(TrackedQuerySet["User"]):
    """Users."""

    def lock(self, pk: Any) -> "User | None":
        """The user with this id, locked until the transaction ends; rows that refer to it may still be added."""
        return self.select_for_update(no_key=True).filter(pk=pk).first()

    def existing(self) -> Self:
        """Not deleted."""
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, actor: "Actor") -> Self:  # noqa: ARG002 (scopes come with organisations)
        """Those that `actor` may learn of: all that exist. Permissions say what may be done to them."""
        return self.existing()

    def ever_visible_to(self, actor: "Actor") -> Self:  # noqa: ARG002 (as above)
        """Those that `actor` may learn of or might have, before they were deleted."""
        return self.all()

    def active(self) -> Self:
        """Those who may sign in."""
        return self.existing().filter(is_active=True, locked_at__isnull=True)

    def inactive(self) -> Self:
        """Deactivated."""
        return self.existing().filter(is_active=False)

    def locked(self) -> Self:
        """Kept out by an administrator."""
        return self.existing().filter(locked_at__isnull=False)

    def services(self) -> Self:
        """Accounts of scripts and lab modules."""
        return self.filter(is_service=True)

    def people(self) -> Self:
        """All other accounts."""
        return self.filter(is_service=False)

    def with_password(self) -> Self:
        """Those who have one: not who was invited and never came, nor a service account."""
        return self.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)

    def super_administrators(self) -> Self:
        """Holders of the role that opens everything."""
        return self.filter(roles__slug=SUPER_ADMIN)

    def with_roles(self) -> Self:
        """Roles and their permissions fetched along, in two more queries whatever the number of users."""
        return self.prefetch_related("roles__permissions")

    def with_role_names(self) -> Self:
        """Roles fetched along, in one more query whatever the number of users."""
        return self.prefetch_related("roles")

    def with_role_rows(self) -> Self:
        """Roles in the same query, as `role_rows`: for a page, whose answer takes less time than a query of its own."""
        return self.annotate(role_rows=role_rows("pk"))

    def with_grant_rows(self) -> Self:
        """What `Grants.loaded_with` reads, in the same query: `role_rows`, `held_permissions`."""
        return self.with_role_rows().annotate(held_permissions=held_permissions("pk"))

    def search(self, term: str, *, is_frequent: bool = False) -> Self:
        """Username, e-mail or full name contains `term`, whatever the case; `is_frequent`: thousands are known to."""
        folded = " ".join(fold_text(term).split())
        if len(folded) >= TRIGRAM_LENGTH or connection.vendor != "postgresql":
            return self.filter(search_text__contains=folded)
        if folded and not is_frequent and expected_share(folded) < MAX_INDEXED_SHARE:
            return self.alias(letters=SearchLetters("search_text")).filter(letters__contains=[folded])
        # No index: of trigrams all would be read, and to take a text apart takes longer than to look into it.
        return self.alias(unindexed=Concat("search_text", Value(""), output_field=models.TextField())).filter(
            unindexed__contains=folded
        )

    def in_role(self, role_id: int) -> Self:
        """Holders of a role."""
        return self.filter(roles=role_id)

    def holders_by_id(self, role_id: int, rows: slice, *, descending: bool = False, is_all: bool = False) -> Self:
        """Those of these users who hold a role: a part of them as they are sorted by id. `is_all`: these are all users.

        PostgreSQL would rather walk through all users, and those who were there first often hold other roles. Here it
        can't: it doesn't know that something and 0 is the same.
        """
        through: Any = apps.get_model("accounts", "User").roles.through.objects
        holders = through.filter(role=role_id)
        if not is_all:  # who is deleted holds no role
            holders = holders.filter(Exists(self.order_by().filter(pk=OuterRef("user_id") + 0)))
        sign = "-" if descending else ""
        return self.filter(pk__in=holders.order_by(f"{sign}user_id").values("user_id")[rows]).order_by(f"{sign}id")

    def holding(self, permission: "Permission") -> Self:
        """Those whom a role gives `permission`, by name; `granting_roles` of each are the roles that do."""
        roles: Any = apps.get_model("accounts", "Role").objects.filter(permissions=permission)
        through: Any = apps.get_model("accounts", "User").roles.through.objects
        grants = through.filter(user=OuterRef("pk"), role__permissions=permission)
        named = self.filter(Exists(grants)).order_by(Lower("username"), "id")
        return named.prefetch_related(Prefetch("roles", queryset=roles, to_attr="granting_roles"))

    def in_chunks(self, size: int = 1000) -> Iterator["User"]:
        """Users by id, read `size` at a time; neither this process nor the database holds more than a chunk."""
        users = self.order_by("id")
        chunk = list(users[:size])
        while chunk:
            yield from chunk
            chunk = list(users.filter(pk__gt=chunk[-1].pk)[:size]) if len(chunk) == size else []

    def known_as(self, identifier: str) -> "User | None":
        """The user with this username or e-mail address; with an @ the address goes first."""
        typed, address = identifier.lower(), lookup_address(identifier)
        users = self.existing().annotate(username_lower=Lower("username"), email_lower=Lower("email"))
        # One query, whoever is found or not: their number would show in the time.
        found: list[Any] = list(users.filter(Q(username_lower=typed) | Q(email_lower=address)))
        wanted = ("email_lower", address) if "@" in identifier else ("username_lower", typed)
        return max(found, key=lambda user: bool(getattr(user, wanted[0]) == wanted[1]), default=None)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Reads; accounts are made by `accounts.users.services.create_user`."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The one form of an address; as it is, for the field's check to refuse, when its domain has none."""
        try:
            return normalize_address(email or "")
        except InvalidDomain:
            return email or ""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of this name, whatever the case, as Django's commands ask for it."""
        user: User = self.existing().get(username__iexact=username)
        return user


class RoleQuerySet(TrackedQuerySet["Role"]):
    """Roles."""

    def with_permissions(self) -> Self:
        """Permissions fetched along, in one more query."""
        return self.prefetch_related("permissions")

    def with_user_count(self) -> Self:
        """`user_count`: how many existing users hold each."""
        if connection.vendor == "postgresql":
            name = Concat(Value(ROLE_COUNTER_PREFIX), OuterRef("pk"), output_field=models.CharField())
            kept: Any = apps.get_model("accounts", "UserCount").objects.filter(name=name).values("name")
            counted = self.annotate(user_count=Coalesce(Subquery(kept.annotate(sum=Sum("change")).values("sum")), 0))
        else:
            counted = self.annotate(user_count=Count("users", filter=Q(users__deleted_at__isnull=True)))
        # Grouping drops the model's own order.
        return counted.order_by("position", "name")

    def called(self, name_or_slug: str) -> Self:
        """The role with this name or slug, whatever the case, if there is one; the first in the order of roles."""
        named = Q(name__iexact=name_or_slug) | Q(slug=normalize_text(name_or_slug).lower())
        if not name_or_slug.isascii():
            # SQLite folds ASCII alone; a role's slug is its name in lower case.
            named |= Q(slug=slugify(name_or_slug, allow_unicode=True).replace("-", "_"))
        return self.filter(named)[:1]

    def named(self, name_or_slug: str) -> "Role | None":
        """The same role; None if there is none."""
        return self.called(name_or_slug).first()


class PermissionQuerySet(TrackedQuerySet["Permission"]):
    """Permissions."""

    def with_role_count(self) -> Self:
        """`role_count`: how many roles hold each."""
        return self.annotate(role_count=Count("roles")).order_by("position", "name")


class OwnedQuerySet(TrackedQuerySet[Row]):
    """Rows that belong to a user."""

    def with_grants(self) -> Self:
        """User, roles and permission names in the same query: `user`, `role_rows`, `held_permissions`."""
        return self.select_related("user").annotate(
            role_rows=role_rows("user_id"), held_permissions=held_permissions("user_id")
        )


class SessionQuerySet(OwnedQuerySet["Session"]):
    """Sessions."""

    def alive(self) -> Self:
        """Neither ended nor expired."""
        return self.filter(ended_at__isnull=True, expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Over by themselves, which nobody noted yet."""
        return self.filter(ended_at__isnull=True, expires_at__lte=timezone.now())

    def latest_used_first(self) -> Self:
        """In the order of the list."""
        return self.order_by("-last_used_at", "id")


class ApiKeyQuerySet(OwnedQuerySet["ApiKey"]):
    """API keys."""

    def with_grants(self) -> Self:
        """And `created_by`."""
        return super().with_grants().with_maker()

    def with_maker(self) -> Self:
        """`created_by` in the same query."""
        return self.select_related("created_by")

    def unrevoked(self) -> Self:
        """Those that nobody took back; they may have expired."""
        return self.filter(revoked_at__isnull=True)
