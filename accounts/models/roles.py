"""Permissions, and the roles that hold them."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.core.catalogue import SUPER_ADMIN, in_catalogue_order
from accounts.core.model_fields import PlainTextField
from accounts.models.querysets import PermissionQuerySet, RoleQuerySet
from accounts.models.versioning import Versioned
from audit.tracking.model_tracking import TrackedModel


class Permission(TrackedModel):
    """The right to do `action` with a `resource`: one of `accounts.core.catalogue`, or of an application."""

    #: Of an application's: `slug.resource_action`.
    name = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=200)
    resource = models.CharField(max_length=32)
    action = models.CharField(max_length=32)
    position = models.PositiveSmallIntegerField(default=0)
    #: Of the application that brought it; "" for those of the catalogue.
    application_slug = models.CharField(max_length=16, blank=True, default="", db_default="", editable=False)
    #: Its application lists it no more: roles keep it, and it can't be given again.
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PermissionQuerySet.as_manager()

    class Meta:
        db_table = "permissions"
        default_permissions = ()
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.name

    @property
    def is_retired(self) -> bool:
        return self.retired_at is not None


class Role(Versioned, TrackedModel):
    """A named set of permissions, granted to users."""

    CUSTOM_POSITION: ClassVar[int] = 1000

    name = PlainTextField(max_length=80)
    slug = models.CharField(max_length=80, unique=True, editable=False)
    description = PlainTextField(max_length=200, blank=True)
    permissions = models.ManyToManyField(Permission, related_name="roles", db_table="role_permissions", blank=True)
    #: Its holders may give these to other people without holding what they give: `accounts.access.role_granting`.
    may_grant = models.ManyToManyField(
        "self", symmetrical=False, related_name="given_through", db_table="role_may_grant", blank=True
    )
    #: Its holders must have a second factor.
    requires_factor = models.BooleanField("requires a second factor", default=False, db_default=False)
    #: Anyone signed in reads its name and description, and may ask for it (`access_requests`).
    is_requestable = models.BooleanField("people may ask for it", default=False, db_default=False)
    is_system = models.BooleanField(default=False, editable=False)
    #: A system role whose permissions were edited on purpose: `init_data` leaves them as they are.
    is_customized = models.BooleanField(default=False, editable=False)
    #: System roles come first, in the catalogue's order.
    position = models.PositiveSmallIntegerField(default=CUSTOM_POSITION, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    #: Annotated by `with_user_count`.
    user_count: int

    objects = RoleQuerySet.as_manager()

    class Meta:
        db_table = "roles"
        default_permissions = ()
        ordering = ("position", "name")
        constraints = (models.UniqueConstraint(Lower("name"), name="role_name_unique"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_super_admin(self) -> bool:
        return self.slug == SUPER_ADMIN

    @property
    def permission_names(self) -> list[str]:
        return in_catalogue_order(permission.name for permission in self.permissions.all())

    @property
    def may_grant_names(self) -> list[str]:
        return [role.name for role in self.may_grant.all()]
