"""Users, and the passwords that they had."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password, make_password
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.core.catalogue import SUPER_ADMIN
from accounts.core.email_addresses import readable_address
from accounts.core.hashers import get_hasher, hashing_slot, normalize_password
from accounts.core.model_fields import AddressField, PersonNameField
from accounts.core.validators import validate_username, validate_username_length
from accounts.models.grants import Grants
from accounts.models.querysets import UserManager
from accounts.models.role_grants import CurrentRoles, RoleGrant
from accounts.models.roles import Permission
from accounts.models.user_states import (
    CAN_SIGN_IN,
    ENDED,
    EXISTING,
    INVITED,
    LAST_INVITED,
    LAST_SEEN,
    MUST_CHANGE_PASSWORD,
    PENDING,
    UNENDED,
    WITH_FACTOR,
    WITHOUT_FACTOR,
    UserState,
)
from accounts.models.versioning import Versioned
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import TrackedModel, explicitly_recorded
from reprotech.core.actors import System
from reprotech.core.normalization import fold_text

#: How long before it expires a user is warned of it.
EXPIRY_WARNING = timedelta(days=14)


class User(UserState, Versioned, TrackedModel, AbstractBaseUser):
    """An account of a person or a script."""

    #: Whether it was read `with_roles`.
    has_loaded_roles = False
    username = models.CharField(max_length=80, validators=[validate_username_length, validate_username])
    email = AddressField(max_length=254)
    #: When a link that was mailed to the present address proved that it is theirs.
    email_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    password = models.CharField(max_length=128, db_column="password_hash")
    first_name = PersonNameField(max_length=50, blank=True)
    last_name = PersonNameField(max_length=50, blank=True)
    is_active = models.BooleanField(default=True)
    locked_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: An account of a script or a lab module: it has no password and uses API keys alone.
    is_service = models.BooleanField("service account", default=False, editable=False)
    must_change_password = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Who else chose the password, or had a link to choose it, and so may know it; None once its owner alone can.
    password_set_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, editable=False, related_name="+", db_index=False
    )
    #: Who else gave an account that was there already its address, and so may read its mail. One's own change clears
    #: nothing, since it may be theirs who chose the one before.
    email_set_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, editable=False, related_name="+", db_index=False
    )
    #: Part of each link to choose a password: counting it up makes the earlier links void.
    link_number = models.PositiveIntegerField(editable=False, default=0, db_default=0)
    #: When the invitation was sent whose link works; None once there is a password, or something made the link void.
    invited_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Failed attempts before it no longer count.
    unlocked_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Kinds of second factor that the user has (names of FACTOR_KINDS), so that no request has to look for them.
    factor_kinds = models.CharField(max_length=40, blank=True, editable=False, default="", db_default="")
    #: Sign-ins without a second factor since a role has required one.
    factor_grace_used = models.PositiveSmallIntegerField(editable=False, default=0, db_default=0)
    #: Nothing is allowed before a second factor is set up.
    must_add_factor = models.BooleanField(editable=False, default=False, db_default=False)
    #: The period in which the account can be used; open without a start or an end.
    starts_at = models.DateTimeField(null=True, blank=True, editable=False)
    ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: The part of the period that is on record, a value of PERIOD_STATES. It decides nothing but that an account whose
    #: end is on record stays closed if the clock is set back, and what counters count.
    period_state = models.CharField(max_length=8, blank=True, editable=False, default="", db_default="")
    #: When the next mail about the account's end is due, as `core.period_notices` has it.
    end_notice_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    #: Searched in place of the names; folded by Python, since SQLite folds ASCII alone.
    search_text = models.TextField(editable=False, default="")

    PERIOD_STATES: ClassVar[tuple[str, ...]] = ("", "pending", "ended")
    FACTOR_KINDS: ClassVar[tuple[str, ...]] = ("totp", "passkey")
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    objects = UserManager()

    class Meta:
        db_table = "users"
        default_permissions = ()
        ordering = ("id",)
        constraints = (
            # A deleted account keeps its username for ever, but its address can be used again.
            models.UniqueConstraint(Lower("username"), name="user_username_unique"),
            models.UniqueConstraint(Lower("email"), condition=EXISTING, name="user_email_unique"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="user_ends_after_start"),
        )
        indexes = (
            # One for each sort of the list; the id breaks ties, so that pages never overlap. Those that SQLite
            # can't have, for the last login and the search, are in a migration of their own.
            models.Index(fields=["id"], condition=EXISTING, name="user_existing"),
            models.Index(Lower("username"), "id", condition=EXISTING, name="user_by_username"),
            models.Index(Lower("email"), "id", condition=EXISTING, name="user_by_email"),
            models.Index(Lower("first_name"), "id", condition=EXISTING, name="user_by_first_name"),
            models.Index(Lower("last_name"), "id", condition=EXISTING, name="user_by_last_name"),
            models.Index(fields=["is_active", "id"], condition=EXISTING, name="user_by_is_active"),
            # Many have the same: read backwards, the indexes above would leave all of these to be sorted by id.
            models.Index(Lower("first_name").desc(), "id", condition=EXISTING, name="user_by_first_name_down"),
            models.Index(Lower("last_name").desc(), "id", condition=EXISTING, name="user_by_last_name_down"),
            models.Index(fields=["-is_active", "id"], condition=EXISTING, name="user_by_is_inactive"),
            models.Index(fields=["created_at", "id"], condition=EXISTING, name="user_by_created_at"),
            models.Index(fields=["updated_at", "id"], condition=EXISTING, name="user_by_updated_at"),
            # Few users are; filters for the others match nearly all anyway.
            models.Index(fields=["id"], condition=EXISTING & Q(is_service=True), name="user_service"),
            models.Index(fields=["id"], condition=EXISTING & Q(locked_at__isnull=False), name="user_by_lock"),
            models.Index(fields=["id"], condition=INVITED, name="user_invited"),
            models.Index(LAST_INVITED, condition=INVITED, name="user_last_invited"),
            models.Index(fields=["id"], condition=MUST_CHANGE_PASSWORD, name="user_must_change_password"),
            # Both: in one laboratory nearly all have a second factor, in another nearly none.
            models.Index(fields=["id"], condition=WITH_FACTOR, name="user_with_factor"),
            models.Index(fields=["id"], condition=WITHOUT_FACTOR, name="user_without_factor"),
            models.Index(LAST_SEEN, condition=CAN_SIGN_IN & Q(is_service=False), name="user_last_seen"),
            models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="user_deleted"),
            models.Index(fields=["starts_at", "id"], condition=PENDING, name="user_pending"),
            models.Index(fields=["ends_at", "id"], condition=UNENDED, name="user_unended"),
            models.Index(fields=["id"], condition=ENDED, name="user_ended"),
            models.Index(fields=["end_notice_at"], condition=Q(end_notice_at__isnull=False), name="user_end_notice"),
        )

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.get_deferred_fields() & {"username", "email", "first_name", "last_name"}:
            self.fold_search_text()
            # Django would save only the named fields, and the search text has to follow the names.
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "search_text"}
        super().save(*args, **kwargs)

    def fold_search_text(self) -> None:
        """`save` does it, `bulk_create` doesn't."""
        self.search_text = build_search_text(self.username, self.email, self.first_name, self.last_name)

    def check_password(self, raw_password: str | None) -> bool:
        """Whether this is the password. A hash of another cost, or of a form that isn't normalized, is replaced."""

        def replace_hash(raw_password: str) -> None:
            # Unless it was changed meanwhile: Django's own would store the old password over the new one then.
            outdated, self.password = self.password, make_password(raw_password)
            with explicitly_recorded(), transaction.atomic():
                if type(self).objects.filter(pk=self.pk, password=outdated).update(password=self.password):
                    # The password stays the same, but change capture on the database sees that the row changed.
                    record(
                        actor=System(),
                        action=Action.UPDATE,
                        resource="user",
                        resource_id=self.pk,
                        resource_name=self.username,
                        reason="The password was stored in an outdated form.",
                        concealed=["password_hash"],
                    )

        if raw_password is None:
            return check_password(None, self.password)
        with hashing_slot():
            if check_password(normalize_password(raw_password), self.password, replace_hash):
                return True
            if not get_hasher().is_of_typed_form(raw_password, self.password):
                return False
            replace_hash(raw_password)
        return True

    @cached_property
    def grants(self) -> Grants:
        """Roles and permissions, read once for each instance: in one query, unless they were prefetched."""
        if self.has_loaded_roles:
            now, loaded = timezone.now(), vars(self).get("loaded_grants", ())
            moments = (moment for grant in loaded for moment in (grant.starts_at, grant.ends_at))
            changes_at = min((moment for moment in moments if moment and moment > now), default=None)
            return replace(Grants.of(self.roles.all()), changes_at=changes_at)
        row = type(self).objects.only("pk").with_grant_rows().filter(pk=self.pk).first()
        return Grants.loaded_with(row) if row else Grants()

    @property
    def roles(self) -> CurrentRoles:
        """The roles that they hold now."""
        return CurrentRoles(self)

    @property
    def permissions_now_or_later(self) -> frozenset[str]:
        """What their roles give, those that begin later too: who may change the account must hold all of it."""
        if self.has_loaded_roles and (loaded := vars(self).get("loaded_grants")) is not None:
            return Grants.of(grant.role for grant in loaded).permissions
        if self.grants.changes_at is None:
            return self.grants.permissions
        grants = RoleGrant.objects.unended().filter(user=self.pk).order_by()
        given = Permission.objects.filter(roles__user_grants__in=grants)
        return frozenset(given.values_list("name", flat=True))

    @property
    def grants_now_or_later(self) -> list[RoleGrant]:
        """With their roles; those that were prefetched, if they were."""
        loaded: list[RoleGrant] | None = vars(self).get("loaded_grants")
        if loaded is not None:
            return loaded
        return list(RoleGrant.objects.unended().filter(user=self.pk).select_related("role"))

    @property
    def can_sign_in(self) -> bool:
        is_open = self.is_active and self.locked_at is None and self.deleted_at is None
        return is_open and self.is_within_period

    def credential_end(self, expires_at: int) -> int:
        """When what says what they hold now must end, in seconds of the epoch: with the account or the next change of
        roles, if that is earlier.
        """
        moments = (self.ends_at, self.grants.changes_at)
        return min([expires_at, *(int(moment.timestamp()) for moment in moments if moment is not None)])

    @property
    def password_expires_at(self) -> datetime | None:
        """None where passwords don't expire."""
        if not settings.PASSWORD_MAX_AGE or self.is_service:
            return None
        return (self.password_changed_at or self.created_at) + settings.PASSWORD_MAX_AGE

    @property
    def has_expired_password(self) -> bool:
        expires_at = self.password_expires_at
        return expires_at is not None and expires_at <= timezone.now()

    @property
    def password_expires_soon(self) -> bool:
        expires_at = self.password_expires_at
        return expires_at is not None and expires_at - timezone.now() <= EXPIRY_WARNING

    @property
    def second_factors(self) -> list[str]:
        return self.factor_kinds.split()

    def may_get_key_from(self, maker_id: int | None) -> bool:
        """Whether the maker may create a key for this account: people create their own."""
        return self.is_service or self.pk == maker_id

    @property
    def full_name(self) -> str:
        """First and last name, or the username if both are empty."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    @property
    def is_super_administrator(self) -> bool:
        return SUPER_ADMIN in self.grants.role_slugs

    @property
    def is_staff(self) -> bool:
        return self.can_sign_in and self.is_super_administrator

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        return any(backend.has_perm(self, perm, obj) for backend in get_backends())

    def has_perms(self, perms: Iterable[str], obj: models.Model | None = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:  # noqa: ARG002
        return self.is_staff

    def get_all_permissions(self, obj: models.Model | None = None) -> set[str]:
        return {name for backend in get_backends() for name in backend.get_all_permissions(self, obj)}


class PasswordHistory(models.Model):
    """The hash of an earlier password, so that it isn't chosen again."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_history")
    password = models.CharField(max_length=128, db_column="password_hash")
    replaced_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "password_history"
        default_permissions = ()
        ordering = ("-id",)
        verbose_name_plural = "password history"

    def __str__(self) -> str:
        return f"password of user {self.user_id} until {self.replaced_at:%Y-%m-%d}"


def build_search_text(username: str, email: str, *names: str) -> str:
    """The folded text for `UserQuerySet.search`: a line for the username, the address and the full name each."""
    readable = readable_address(email)
    addresses = email if readable == email else f"{email} {readable}"
    return fold_text("\n".join((username, addresses, " ".join(names))))
