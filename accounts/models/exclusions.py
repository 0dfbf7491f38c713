"""Exclusions: roles or permissions that nobody may hold together, and the people who may for a while."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.core.catalogue import in_catalogue_order
from accounts.core.model_fields import PlainTextField
from accounts.models.roles import Permission, Role
from accounts.models.users import User
from accounts.models.versioning import Versioned
from audit.tracking.model_tracking import TrackedModel, TrackedQuerySet


class ExclusionQuerySet(TrackedQuerySet["Exclusion"]):
    def with_sets(self) -> Self:
        return self.prefetch_related("roles_a", "permissions_a", "roles_b", "permissions_b")

    def naming(self, role: Role) -> Self:
        """Exclusions that name this role in one of their sets."""
        return self.filter(
            Q(pk__in=self.model.roles_a.through.objects.filter(role=role).values("exclusion"))
            | Q(pk__in=self.model.roles_b.through.objects.filter(role=role).values("exclusion"))
        )


class Exclusion(Versioned, TrackedModel):
    """Two sets of roles and permissions: nobody may hold something of both."""

    class Mode(models.TextChoices):
        #: A change that makes someone hold both goes through, with a warning.
        WARN = "warn", "Warn"
        #: Such a change is refused.
        REFUSE = "refuse", "Refuse"

    name = PlainTextField(max_length=80)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.WARN)
    #: Why nobody may hold both: people whose change is refused read it.
    reason = PlainTextField(max_length=500, blank=True)
    roles_a = models.ManyToManyField(Role, related_name="exclusions_a", db_table="exclusion_roles_a", blank=True)
    roles_b = models.ManyToManyField(Role, related_name="exclusions_b", db_table="exclusion_roles_b", blank=True)
    permissions_a = models.ManyToManyField(
        Permission, related_name="exclusions_a", db_table="exclusion_permissions_a", blank=True
    )
    permissions_b = models.ManyToManyField(
        Permission, related_name="exclusions_b", db_table="exclusion_permissions_b", blank=True
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    SIDES: ClassVar[tuple[str, ...]] = ("a", "b")
    #: Set by those who counted them.
    violations: int

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        db_table = "exclusions"
        default_permissions = ()
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint(Lower("name"), name="exclusion_name_unique"),)

    def __str__(self) -> str:
        return self.name

    @property
    def refuses(self) -> bool:
        return self.mode == self.Mode.REFUSE

    @property
    def set_a(self) -> list[str]:
        return self.names_of("a")

    @property
    def set_b(self) -> list[str]:
        return self.names_of("b")

    def names_of(self, side: str) -> list[str]:
        """The roles of a set, then its permissions."""
        roles: list[Role] = list(getattr(self, f"roles_{side}").all())
        permissions: list[Permission] = list(getattr(self, f"permissions_{side}").all())
        return [*(role.name for role in roles), *in_catalogue_order(permission.name for permission in permissions)]


class ExclusionExceptionQuerySet(TrackedQuerySet["ExclusionException"]):
    def in_force(self, at: datetime | None = None) -> Self:
        """Those that a second person approved and that haven't ended."""
        return self.filter(approved_at__isnull=False, ends_at__gt=at or timezone.now())

    def open(self) -> Self:
        """Those in force, and those that wait for the second person."""
        return self.filter(ends_at__gt=timezone.now())

    def with_people(self) -> Self:
        return self.select_related("user", "asked_by", "approved_by")


class ExclusionException(TrackedModel):
    """A person who may hold what an exclusion keeps apart, until a moment: decided when it is read, not by a job."""

    exclusion = models.ForeignKey(Exclusion, on_delete=models.CASCADE, related_name="exceptions")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exclusion_exceptions")
    reason = PlainTextField(max_length=500)
    #: The first moment at which it no longer counts.
    ends_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    #: It counts once there is one.
    approved_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ExclusionExceptionQuerySet.as_manager()

    class Meta:
        db_table = "exclusion_exceptions"
        default_permissions = ()
        ordering = ("-ends_at", "-id")
        constraints = (
            # Also of what is written by hand.
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (~Q(approved_by=F("user")) & (Q(asked_by__isnull=True) | ~Q(approved_by=F("asked_by")))),
                name="exclusion_exception_second_person",
            ),
        )

    def __str__(self) -> str:
        return f"{self.exclusion_id} for user {self.user_id}"

    @property
    def has_ended(self) -> bool:
        return self.ends_at <= timezone.now()

    @property
    def state(self) -> str:
        """`ended`, `approved`, or `asked`: it waits for the second person."""
        if self.has_ended:
            return "ended"
        return "approved" if self.approved_at else "asked"
