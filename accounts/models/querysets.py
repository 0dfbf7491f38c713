"""Queries on users, roles, permissions, sessions and API keys, as adjectives."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self, TypeVar

from django.apps import apps
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import Count, Exists, Func, OuterRef, Prefetch, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Concat, Lower
from django.utils import timezone
from django.utils.text import slugify

from accounts.core.catalogue import SUPER_ADMIN
from accounts.core.email_addresses import InvalidDomain, lookup_address, normalize_address
from accounts.models.grants import current_grants, grant_columns, role_rows
from accounts.models.user_states import LAST_SEEN, UNENDED, UserStateQuerySet
from audit.tracking.model_tracking import TrackedQuerySet
from reprotech.core.normalization import fold_text, normalize_text
from reprotech.db.present_time import PresentTime

if TYPE_CHECKING:
    from accounts.models import ApiKey, Permission, Role, Session, User  # noqa: F401 (named in strings below)
    from reprotech.core.actors import Actor

#: Begins the names of the counters of a role's users (`UserCount`); the role's id follows.
ROLE_COUNTER_PREFIX = "role "
#: Letters that a search needs to be answered from the index of trigrams.
TRIGRAM_LENGTH = 3
#: A larger share of users is found faster by scanning the table than by an index.
MAX_INDEXED_SHARE = 0.1
SHARE_SQL = """
    SELECT share FROM pg_stats,
        unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (letters, share)
    WHERE schemaname = current_schema AND tablename = 'user_short_search' AND letters = %s
"""

#: An account that nobody has signed in to for so long may be forgotten.
DORMANT_AFTER = timedelta(days=90)
#: A key that ends within this time has to be replaced.
KEY_WARNING = timedelta(days=14)
#: Access that ends within this time may have to be extended.
ACCESS_WARNING = timedelta(days=14)

Row = TypeVar("Row", bound=models.Model)


class SearchLetters(Func):
    """Each letter of a text and each pair of neighbours: what the index `user_short_search` finds users by."""

    function = "user_search_letters"
    output_field = ArrayField(models.TextField())


def expected_share(letters: str) -> float:
    """The share of users that PostgreSQL expects to have a letter, or a pair of them; 0 where it is low."""
    with connection.cursor() as cursor:
        cursor.execute(SHARE_SQL, [letters])
        found = cursor.fetchone()
    return float(found[0]) if found else 0


class UserQuerySet(UserStateQuerySet):
    def lock(self, pk: int) -> "User | None":
        """The user with this id, locked until the transaction ends; rows that refer to it may still be added."""
        return self.select_for_update(no_key=True).filter(pk=pk).first()

    def visible_to(self, actor: "Actor") -> Self:  # noqa: ARG002 (scopes come with organisations)
        """Users that `actor` may know of: all that exist. Permissions say what may be done to them."""
        return self.existing()

    def ever_visible_to(self, actor: "Actor") -> Self:  # noqa: ARG002 (as above)
        """Users that `actor` may know of, with those who are deleted."""
        return self.all()

    def dormant(self) -> Self:
        """People who may sign in and haven't for `DORMANT_AFTER`, or never since they were created so long ago."""
        idle = self.active().people().alias(last_seen=LAST_SEEN)
        return idle.filter(last_seen__lt=timezone.now() - DORMANT_AFTER)

    def with_ending_key(self) -> Self:
        """Users who may sign in or be used, and have an API key that ends within `KEY_WARNING`."""
        return self.active().filter(pk__in=apps.get_model("accounts", "ApiKey").objects.ending().values("user"))

    def with_ending_access(self) -> Self:
        """Users who may sign in now, and whose account or a role of theirs ends within `ACCESS_WARNING`."""
        return self.active().ending_before(timezone.now() + ACCESS_WARNING)

    def ending_before(self, moment: datetime) -> Self:
        """Users whose account, or a grant that they hold now or will later, has not ended and ends before then."""
        grants = apps.get_model("accounts", "RoleGrant").objects.unended().filter(ends_at__lt=moment).order_by()
        accounts = (
            apps.get_model("accounts", "User")
            .objects.order_by()
            .filter(UNENDED, ends_at__gt=PresentTime(), ends_at__lt=moment)
        )
        # With OR, PostgreSQL would look at all users.
        return self.filter(pk__in=accounts.values("pk").union(grants.values("user")))

    def without_required_factor(self) -> Self:
        """People who may sign in, have no second factor, and a role that requires one."""
        # Their ids, since of known roles PostgreSQL knows how many users hold them.
        roles = list(
            apps.get_model("accounts", "Role").objects.filter(requires_factor=True).values_list("pk", flat=True)
        )
        holders = current_grants().filter(role__in=roles).values("user")
        return self.active().without_factor().filter(pk__in=holders)

    def super_administrators(self) -> Self:
        return self.filter(pk__in=current_grants().filter(role__slug=SUPER_ADMIN).values("user"))

    def lasting_super_administrators(self) -> Self:
        """Those whose account and role have no end."""
        grants = current_grants().open_ended().filter(role__slug=SUPER_ADMIN)
        return self.filter(ends_at__isnull=True, pk__in=grants.values("user"))

    def with_roles(self) -> Self:
        """Prefetch the roles that they hold now and their permissions, in two queries."""
        return self._with_loaded_grants("role__permissions").annotate(has_loaded_roles=Value(value=True))

    def with_unended_grants(self) -> Self:
        """Prefetch what they hold now or will later, with the names of those who gave it, as `unended_grants`."""
        grants = apps.get_model("accounts", "RoleGrant").objects.unended().select_related("role", "granted_by")
        return self.prefetch_related(Prefetch("role_grants", queryset=grants, to_attr="unended_grants"))

    def with_role_names(self) -> Self:
        return self._with_loaded_grants()

    def _with_loaded_grants(self, *more: str) -> Self:
        # Those that hold later too: who may change the user must hold what these give.
        grants = apps.get_model("accounts", "RoleGrant").objects.unended().order_by().select_related("role")
        rows = Prefetch("role_grants", queryset=grants.prefetch_related(*more), to_attr="loaded_grants")
        return self.prefetch_related(rows)

    def with_role_rows(self) -> Self:
        """Roles in the same query, as `role_rows`: for a page that is faster than a second query."""
        return self.annotate(role_rows=role_rows("pk"))

    def with_grant_rows(self) -> Self:
        """What `Grants.loaded_with` reads, in the same query."""
        return self.with_role_rows().annotate(**grant_columns("pk"))

    def with_key_count(self) -> Self:
        """Annotate `key_count`, the API keys that are not revoked."""
        keys = apps.get_model("accounts", "ApiKey").objects.unrevoked().filter(user=OuterRef("pk"))
        counted = keys.order_by().values("user").annotate(found=Count("pk")).values("found")
        return self.annotate(key_count=Coalesce(Subquery(counted), 0))

    def search(self, term: str, *, is_frequent: bool = False) -> Self:
        """Username, e-mail or full name contains `term`, whatever the case; `is_frequent`: thousands are known to."""
        folded = " ".join(fold_text(term).split())
        if len(folded) >= TRIGRAM_LENGTH or connection.vendor != "postgresql":
            return self.filter(search_text__contains=folded)
        if folded and not is_frequent and expected_share(folded) < MAX_INDEXED_SHARE:
            return self.alias(letters=SearchLetters("search_text")).filter(letters__contains=[folded])
        # Without an index: all of the trigrams' would be read, and computing letters takes longer than comparing text.
        return self.alias(unindexed=Concat("search_text", Value(""), output_field=models.TextField())).filter(
            unindexed__contains=folded
        )

    def in_role(self, role_id: int) -> Self:
        """Users who hold this role now."""
        return self.filter(Exists(current_grants().filter(role=role_id, user=OuterRef("pk"))))

    def granted(self, role_id: int) -> Self:
        """Users who hold this role now or will later."""
        grants = apps.get_model("accounts", "RoleGrant").objects.unended().filter(role=role_id).order_by()
        return self.filter(pk__in=grants.values("user"))

    def holders_by_id(self, role_id: int, rows: slice, *, descending: bool = False, is_all: bool = False) -> Self:
        """Users who hold a role: a part of them, sorted by id. `is_all`: no other filter is set."""
        holders = current_grants().filter(role=role_id)
        if not is_all:  # deleted users hold no role
            # PostgreSQL would scan all users by id, and the first ones often hold other roles. With `+ 0` it can't.
            holders = holders.filter(Exists(self.order_by().filter(pk=OuterRef("user_id") + 0)))
        sign = "-" if descending else ""
        return self.filter(pk__in=holders.order_by(f"{sign}user_id").values("user_id")[rows]).order_by(f"{sign}id")

    def holding(self, permission: "Permission") -> Self:
        """Users who hold `permission`, by name; `granting_grants` of each give it."""
        grants = current_grants().filter(role__permissions=permission)
        named = self.filter(Exists(grants.filter(user=OuterRef("pk")))).order_by(Lower("username"), "id")
        shown = grants.select_related("role").order_by("role__position", "role__name")
        return named.prefetch_related(Prefetch("role_grants", queryset=shown, to_attr="granting_grants"))

    def in_chunks(self, size: int = 1000) -> Iterator["User"]:
        """Users by id. Neither this process nor the database holds more than `size` of them at a time."""
        users = self.order_by("id")
        chunk = list(users[:size])
        while chunk:
            yield from chunk
            # From the last id on: an OFFSET would read all earlier rows again.
            chunk = list(users.filter(pk__gt=chunk[-1].pk)[:size]) if len(chunk) == size else []

    def known_as(self, identifier: str) -> "User | None":
        """The user with this username or e-mail address; with an @ the address goes first."""
        typed, address = identifier.lower(), lookup_address(identifier)
        users = self.existing().annotate(username_lower=Lower("username"), email_lower=Lower("email"))
        # One query, found or not: the number of queries would show in the time.
        is_meant = Q(username_lower=typed) | Q(email_lower=address)
        if connection.vendor == "sqlite":
            # It uses no partial index, as that of addresses is, for a part of an OR.
            by_name, by_address = (
                users.filter(**part).values("pk") for part in ({"username_lower": typed}, {"email_lower": address})
            )
            is_meant = Q(pk__in=by_name) | Q(pk__in=by_address)
        found = list(users.filter(is_meant))
        wanted = ("email_lower", address) if "@" in identifier else ("username_lower", typed)
        return max(found, key=lambda user: bool(getattr(user, wanted[0]) == wanted[1]), default=None)

    def known_as_any(self, identifiers: Iterable[str]) -> Self:
        """Users with one of these usernames or e-mail addresses."""
        usernames = {typed.lower() for typed in identifiers}
        addresses = {lookup_address(typed) for typed in identifiers}
        users = self.alias(username_lower=Lower("username"), email_lower=Lower("email"))
        return users.filter(Q(username_lower__in=usernames) | Q(email_lower__in=addresses))


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """For reading; `accounts.users.services.create_user` creates accounts."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The canonical form of an address; as it is, for the field to refuse, when its domain has none."""
        try:
            return normalize_address(email or "")
        except InvalidDomain:
            return email or ""

    def get_by_natural_key(self, username: str | None) -> "User":
        user: User = self.existing().get(username__iexact=username)
        return user


class RoleQuerySet(TrackedQuerySet["Role"]):
    def with_permissions(self) -> Self:
        return self.prefetch_related("permissions")

    def with_may_grant(self) -> Self:
        return self.prefetch_related("may_grant")

    def with_user_count(self) -> Self:
        """Annotate `user_count`, the existing users who hold each role."""
        if connection.vendor == "postgresql":
            name = Concat(Value(ROLE_COUNTER_PREFIX), OuterRef("pk"), output_field=models.CharField())
            rows = apps.get_model("accounts", "UserCount").objects.filter(name=name).values("name")
            counted = self.annotate(user_count=Coalesce(Subquery(rows.annotate(sum=Sum("change")).values("sum")), 0))
        else:
            held = current_grants().filter(role=OuterRef("pk"), user__deleted_at__isnull=True).values("role")
            users = held.annotate(found=Count("user", distinct=True)).values("found")
            counted = self.annotate(user_count=Coalesce(Subquery(users), 0))
        # Grouping drops the model's own order.
        return counted.order_by("position", "name")

    def called(self, name_or_slug: str) -> Self:
        """The role with this name or slug, whatever the case, if there is one; the first in the order of roles."""
        named = Q(name__iexact=name_or_slug) | Q(slug=normalize_text(name_or_slug).lower())
        if not name_or_slug.isascii():
            # SQLite folds ASCII alone; a role's slug is its first name in lower case.
            named |= Q(slug=slugify(name_or_slug, allow_unicode=True).replace("-", "_"))
        return self.filter(named)[:1]

    def named(self, name_or_slug: str) -> "Role | None":
        """The same role; None if there is none."""
        return self.called(name_or_slug).first()


class PermissionQuerySet(TrackedQuerySet["Permission"]):
    def of_catalogue(self) -> Self:
        return self.filter(application_slug="")

    def of_applications(self) -> Self:
        return self.exclude(application_slug="")

    def grantable(self) -> Self:
        """Permissions that roles and keys can be given: an application still lists them."""
        return self.filter(retired_at__isnull=True)

    def with_role_count(self) -> Self:
        return self.annotate(role_count=Count("roles")).order_by("position", "name")


class OwnedQuerySet(TrackedQuerySet[Row]):
    """Rows that belong to a user."""

    def with_grants(self) -> Self:
        """The user, and what `Grants.loaded_with` reads, in the same query."""
        return self.select_related("user").annotate(role_rows=role_rows("user_id"), **grant_columns("user_id"))


class SessionQuerySet(OwnedQuerySet["Session"]):
    def alive(self) -> Self:
        return self.filter(ended_at__isnull=True, expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Sessions that expired and aren't marked as ended yet."""
        return self.filter(ended_at__isnull=True, expires_at__lte=timezone.now())

    def latest_used_first(self) -> Self:
        return self.order_by("-last_used_at", "id")


class ApiKeyQuerySet(OwnedQuerySet["ApiKey"]):
    def with_grants(self) -> Self:
        return super().with_grants().with_maker()

    def with_maker(self) -> Self:
        return self.select_related("created_by")

    def unrevoked(self) -> Self:
        """Keys that are not revoked; they may have expired."""
        return self.filter(revoked_at__isnull=True)

    def ending(self) -> Self:
        """Keys that end within `KEY_WARNING`."""
        now = timezone.now()
        return self.unrevoked().filter(expires_at__gt=now, expires_at__lte=now + KEY_WARNING)
