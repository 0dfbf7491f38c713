"""What held from when until when: accounts, roles of users, roles, and the permissions of roles.

A period is [from_at, to_at). It refers to users and roles by their ids, without foreign keys: history outlives both.
"""

from datetime import datetime
from typing import Protocol, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

Row = TypeVar("Row", bound="Period")


class PeriodQuerySet(models.QuerySet[Row]):
    def at(self, moment: datetime) -> Self:
        """What held at a moment."""
        return self.filter(Q(to_at__isnull=True) | Q(to_at__gt=moment), from_at__lte=moment)

    def between(self, start: datetime, end: datetime) -> Self:
        """What held at any moment of [start, end)."""
        return self.filter(Q(to_at__isnull=True) | Q(to_at__gt=start), from_at__lt=end).exclude(
            to_at=models.F("from_at")
        )

    def live(self) -> Self:
        """What no event has ended yet, also where its planned end has passed a moment ago."""
        return self.filter(to_event__isnull=True)


class Period(models.Model):
    """A stretch of time, with the events that began and ended it."""

    from_at = models.DateTimeField()
    #: None: no end is known. Of a grant with an end, it stands here from the beginning.
    to_at = models.DateTimeField(null=True)
    from_event = models.BigIntegerField()
    to_event = models.BigIntegerField(null=True)

    class Meta:
        abstract = True
        default_permissions = ()


class AccountPeriodQuerySet(PeriodQuerySet["AccountPeriod"]):
    """Reads of it."""


class AccountPeriod(Period):
    """A stretch of time in which what the log says of an account stayed the same.

    At a moment without one there was no such account. Names are those of that time, and empty once they are erased.
    """

    user_id = models.BigIntegerField()
    username = models.CharField(max_length=254, blank=True)
    first_name = models.CharField(max_length=50, blank=True)
    last_name = models.CharField(max_length=50, blank=True)
    is_service = models.BooleanField()
    is_active = models.BooleanField()
    is_locked = models.BooleanField()
    #: The account's own period: outside of it nobody signs in.
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    objects = AccountPeriodQuerySet.as_manager()

    class Meta(Period.Meta):
        db_table = "access_account_periods"
        ordering = ("user_id", "from_at", "id")
        constraints = (
            models.UniqueConstraint("user_id", condition=Q(to_event__isnull=True), name="access_account_live_unique"),
        )
        indexes = (
            models.Index(fields=["user_id", "from_at"], name="access_account_user"),
            # For the total at a moment, of which whole days are counted (`AccountDay`).
            models.Index(fields=["from_at"], name="access_account_from"),
            models.Index(fields=["to_at"], condition=Q(to_at__isnull=False), name="access_account_to"),
            models.Index(Lower("username"), name="access_account_username"),
        )

    def __str__(self) -> str:
        return self.full_name

    @property
    def is_erased(self) -> bool:
        return not self.username

    @property
    def full_name(self) -> str:
        return full_name_of(self)

    def status_at(self, moment: datetime) -> str:
        return status_of(self, moment)


class AccountFacts(Protocol):
    """What names and statuses are made of."""

    @property
    def user_id(self) -> int: ...

    @property
    def username(self) -> str: ...

    @property
    def first_name(self) -> str: ...

    @property
    def last_name(self) -> str: ...

    @property
    def is_active(self) -> bool: ...

    @property
    def is_locked(self) -> bool: ...

    @property
    def starts_at(self) -> datetime | None: ...

    @property
    def ends_at(self) -> datetime | None: ...


def full_name_of(account: AccountFacts) -> str:
    if not account.username:
        return f"an erased person (#{account.user_id})"
    return f"{account.first_name} {account.last_name}".strip() or account.username


def status_of(account: AccountFacts, moment: datetime) -> str:
    """As the API calls it. Whether they had chosen a password yet (`invited`) isn't known: they are `active`."""
    if account.is_locked:
        return "locked"
    if not account.is_active:
        return "inactive"
    if account.ends_at is not None and account.ends_at <= moment:
        return "ended"
    return "pending" if account.starts_at is not None and account.starts_at > moment else "active"


class GrantPeriodQuerySet(PeriodQuerySet["GrantPeriod"]):
    """Reads of it."""


class GrantPeriod(Period):
    """When a user held a role: from the later of its event and its start, to the earlier of its removal and its end.

    One that begins later stands here from its event on, with a `from_at` that lies ahead.
    """

    user_id = models.BigIntegerField()
    role_id = models.BigIntegerField()
    #: As planned; None is open.
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    #: The event that planned this start and end: `from_event`, or a later one that changed them.
    period_event = models.BigIntegerField()
    granted_by_id = models.BigIntegerField(null=True)
    #: As it was then; empty once it is erased.
    granted_by_name = models.CharField(max_length=254, blank=True)

    objects = GrantPeriodQuerySet.as_manager()

    class Meta(Period.Meta):
        db_table = "access_grant_periods"
        ordering = ("user_id", "from_at", "id")
        indexes = (
            models.Index(fields=["user_id", "from_at"], name="access_grant_user"),
            models.Index(fields=["role_id", "user_id", "from_at"], name="access_grant_role"),
            models.Index(fields=["granted_by_id"], name="access_grant_by"),
        )

    def __str__(self) -> str:
        return f"role {self.role_id} of user {self.user_id}"


class RolePeriodQuerySet(PeriodQuerySet["RolePeriod"]):
    """Reads of it."""


class RolePeriod(Period):
    """When a role had a name; between its creation and its deletion there is always one."""

    role_id = models.BigIntegerField()
    name = models.CharField(max_length=254)

    objects = RolePeriodQuerySet.as_manager()

    class Meta(Period.Meta):
        db_table = "access_role_periods"
        ordering = ("role_id", "from_at", "id")
        constraints = (
            models.UniqueConstraint("role_id", condition=Q(to_event__isnull=True), name="access_role_live_unique"),
        )
        indexes = (
            models.Index(fields=["role_id", "from_at"], name="access_role_id"),
            models.Index(Lower("name"), name="access_role_name"),
        )

    def __str__(self) -> str:
        return self.name


class RolePermissionPeriodQuerySet(PeriodQuerySet["RolePermissionPeriod"]):
    """Reads of it."""


class RolePermissionPeriod(Period):
    """When a role held a permission."""

    role_id = models.BigIntegerField()
    permission = models.CharField(max_length=64)

    objects = RolePermissionPeriodQuerySet.as_manager()

    class Meta(Period.Meta):
        db_table = "access_role_permission_periods"
        ordering = ("role_id", "permission", "from_at", "id")
        indexes = (
            models.Index(fields=["role_id", "from_at"], name="access_permission_role"),
            models.Index(fields=["permission", "from_at"], name="access_permission_name"),
        )

    def __str__(self) -> str:
        return f"{self.permission} of role {self.role_id}"
