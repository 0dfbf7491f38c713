"""Which role a user holds, and from when until when."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.querysets import RoleQuerySet
from accounts.models.roles import Role
from audit.tracking.model_tracking import TrackedModel, TrackedQuerySet
from reprotech.db.present_time import PresentTime

if TYPE_CHECKING:
    from accounts.models.users import User

#: The start belongs to a period, the end doesn't; without one of them it is open.
HOLDS_NOW = (Q(starts_at__isnull=True) | Q(starts_at__lte=PresentTime())) & (
    Q(ends_at__isnull=True) | Q(ends_at__gt=PresentTime())
)


class RoleGrantQuerySet(TrackedQuerySet["RoleGrant"]):
    def current(self, at: datetime | None = None) -> Self:
        """Grants that hold now, or at a moment: the one place that decides it."""
        if at is None:
            return self.filter(HOLDS_NOW)
        has_begun = Q(starts_at__isnull=True) | Q(starts_at__lte=at)
        return self.filter(has_begun, Q(ends_at__isnull=True) | Q(ends_at__gt=at))

    def unended(self) -> Self:
        """Grants that hold now or will later."""
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=PresentTime()))

    def open_ended(self) -> Self:
        return self.filter(ends_at__isnull=True)

    def overlapping(self, starts_at: datetime | None, ends_at: datetime | None) -> Self:
        """Grants of which a part lies within this period."""
        found = self
        if ends_at is not None:
            found = found.filter(Q(starts_at__isnull=True) | Q(starts_at__lt=ends_at))
        if starts_at is not None:
            found = found.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at))
        return found


class RoleGrant(TrackedModel):
    """A role given to a user, for a period or for good.

    One that has ended is deleted once that is on record, so that a clock which is set back can't revive it: the log
    keeps the history.
    """

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="role_grants")
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="user_grants")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    #: None for grants of before they were noted, and of the system.
    granted_by = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, related_name="+", null=True, blank=True, db_index=False
    )
    granted_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    #: It begins later, or its beginning isn't on record yet. Counters of a role's users leave it out.
    is_pending = models.BooleanField(default=False, db_default=False)
    #: When the next mail about its end is due, as `core.period_notices` has it.
    end_notice_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        db_table = "user_roles"
        default_permissions = ()
        ordering = ("role__position", "role__name", "starts_at", "id")
        constraints = (
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="role_grant_ends_after_start"),
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(starts_at__isnull=True, ends_at__isnull=True),
                name="role_grant_open_unique",
            ),
        )
        indexes: ClassVar[tuple[models.Index, ...]] = (
            models.Index(fields=["user", "role"], name="role_grant_user_role"),
            models.Index(fields=["starts_at"], condition=Q(is_pending=True), name="role_grant_pending"),
            models.Index(fields=["ends_at"], condition=Q(ends_at__isnull=False), name="role_grant_ends_at"),
            models.Index(
                fields=["end_notice_at"], condition=Q(end_notice_at__isnull=False), name="role_grant_end_notice"
            ),
        )

    def __str__(self) -> str:
        return f"role {self.role_id} of user {self.user_id}"

    @property
    def holds_now(self) -> bool:
        return self.holds_at(timezone.now())

    def holds_at(self, moment: datetime) -> bool:
        has_begun = self.starts_at is None or self.starts_at <= moment
        return has_begun and (self.ends_at is None or moment < self.ends_at)


class CurrentRoles(models.Manager.from_queryset(RoleQuerySet)):  # type: ignore[misc]
    """The roles that a user holds now; of `loaded_grants`, if they were prefetched.

    Roles are given and taken by the services of `accounts.access_periods`. The methods here that change them are for
    shells and tests: what they do is recorded as made by the system.
    """

    def __init__(self, user: "User") -> None:
        super().__init__()
        self.model, self.name, self.user = Role, "roles", user

    def get_queryset(self) -> RoleQuerySet:
        grants = RoleGrant.objects.current().filter(user=self.user)
        roles: RoleQuerySet = Role.objects.filter(pk__in=grants.order_by().values("role"))
        if "loaded_grants" in vars(self.user):
            held = {grant.role_id: grant.role for grant in vars(self.user)["loaded_grants"] if grant.holds_now}
            roles._result_cache = sorted(held.values(), key=lambda role: (role.position, role.name))
        return roles

    def add(self, *roles: Role) -> None:
        """Give these roles without an end, unless they are held."""
        with transaction.atomic():
            held = set(RoleGrant.objects.current().filter(user=self.user).values_list("role_id", flat=True))
            new = [RoleGrant(user=self.user, role=role) for role in dict.fromkeys(roles) if role.pk not in held]
            RoleGrant.objects.bulk_create(new)
            self._forget()

    def remove(self, *roles: Role) -> None:
        RoleGrant.objects.filter(user=self.user, role__in=roles).delete()
        self._forget()

    def clear(self) -> None:
        RoleGrant.objects.filter(user=self.user).delete()
        self._forget()

    def set(self, roles: Iterable[Role]) -> None:
        kept = list(roles)
        with transaction.atomic():
            RoleGrant.objects.filter(user=self.user).exclude(role__in=kept).delete()
            self.add(*kept)

    def _forget(self) -> None:
        for name in ("loaded_grants", "grants"):
            vars(self.user).pop(name, None)

    def create(self, **_: Any) -> Role:
        raise TypeError("Create the role, then give it to the user.")
