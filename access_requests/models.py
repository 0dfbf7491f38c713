"""A request for access: who asks for which role, why, until when, and what became of it."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from access_requests.permissions import USER_READ, USER_UPDATE
from accounts.access.authorization import reach_of
from accounts.access.reader_rights import roles_given_by
from accounts.access.role_granting import RoleGranting
from accounts.core.catalogue import SUPER_ADMIN
from accounts.models import Role, RoleGrant, User

#: Undecided for so long, a request ends by itself.
LIFETIME = timedelta(days=14)


class State(models.TextChoices):
    OPEN = "open"
    GRANTED = "granted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def open(self) -> Self:
        """Those that can be decided: not expired, whatever is on record yet, and with a role and an account."""
        return self.filter(
            state=State.OPEN, expires_at__gt=timezone.now(), role__isnull=False, user__deleted_at__isnull=True
        )

    def overdue(self) -> Self:
        """Those that ended by themselves, which isn't on record yet."""
        is_over = Q(expires_at__lte=timezone.now()) | Q(role__isnull=True) | Q(user__deleted_at__isnull=False)
        return self.filter(is_over, state=State.OPEN)

    def with_state(self, state: str) -> Self:
        if state == State.OPEN:
            return self.open()
        if state == State.EXPIRED:
            return self.filter(Q(state=state) | Q(pk__in=self.model.objects.overdue().values("pk")))
        return self.filter(state=state)

    def decidable_by(self, reader: User) -> Self:
        """Requests of other people, also closed ones, whose role `reader` may give them: `authorize_role_change`."""
        if not reader.has_perm(USER_UPDATE):
            return self.none()
        granting, held = RoleGranting.of_reader(reader), reader.get_all_permissions()
        beyond = [role.pk for role in Role.objects.with_permissions() if not reach_of(role, granting) <= held]
        others = self.filter(role__isnull=False).exclude(user=reader.pk)
        if not beyond:
            return others
        grants = RoleGrant.objects.order_by().filter(user=OuterRef("user"))
        holds_more = Exists(grants.unended().filter(role__in=beyond))
        is_super_administrator = Exists(grants.current().filter(role__slug=SUPER_ADMIN))
        by_holding = ~Q(role__in=beyond) & ~Q(holds_more)
        by_may_grant = Q(role__slug__in=roles_given_by(reader)) & ~Q(is_super_administrator)
        return others.filter(by_holding | by_may_grant)

    def visible_to(self, reader: User) -> Self:
        """One's own, and those that one may decide, or could have."""
        decidable = self.model.objects.decidable_by(reader).order_by().values("pk")
        return self.filter(Q(user=reader.pk) | Q(pk__in=decidable))

    def with_people(self) -> Self:
        return self.select_related("user", "role", "decided_by")


class AccessRequest(models.Model):
    """One person asks for one role. What they are given by it is a grant like any other."""

    MAX_OPEN: ClassVar[int] = 5
    #: Within 24 hours, also of such as were withdrawn: each stays on record.
    MAX_A_DAY: ClassVar[int] = 20

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_requests")
    #: None once it is deleted.
    role = models.ForeignKey(Role, on_delete=models.SET_NULL, null=True, related_name="+")
    #: As it was called when it was asked for.
    role_name = models.CharField(max_length=80)
    reason = models.CharField(max_length=500)
    #: Until when they ask to have it; None: without an end.
    ends_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    #: The first moment at which it can't be decided any more.
    expires_at = models.DateTimeField(editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    #: When it was granted, declined or withdrawn, or expired.
    closed_at = models.DateTimeField(null=True, blank=True)
    #: Of who decided, for who asked.
    note = models.CharField(max_length=500, blank=True, default="")
    #: The end of what was granted, which may be earlier than `ends_at`.
    granted_until = models.DateTimeField(null=True, blank=True)
    #: When those who decide were mailed about it.
    announced_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        db_table = "access_requests"
        default_permissions = ()
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["user", "role"], condition=Q(state="open"), name="access_request_open_unique"
            ),
            # Also of what is written by hand.
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=models.F("user")),
                name="access_request_second_person",
            ),
        )
        indexes = (
            models.Index(fields=["user", "-id"], name="access_request_user"),
            models.Index(fields=["expires_at"], condition=Q(state="open"), name="access_request_open"),
        )

    def __str__(self) -> str:
        return f"request {self.pk} for {self.role_name}"

    @property
    def is_open(self) -> bool:
        return self.state == State.OPEN and self.is_decidable_at(timezone.now())

    def is_decidable_at(self, moment: datetime) -> bool:
        return moment < self.expires_at and self.role_id is not None and self.user.deleted_at is None

    @property
    def shown_state(self) -> str:
        """The state; of one that ended by itself a moment ago too."""
        return State.EXPIRED.value if self.state == State.OPEN and not self.is_open else str(self.state)

    def role_label(self, reader: User) -> str:
        """The role's name: as it was asked for, unless the reader may know what it is called now."""
        if self.role is not None and (reader.pk != self.user_id or self.role.is_requestable):
            return self.role.name
        return self.role_name

    def decider_for(self, reader: User) -> User | None:
        """Who decided, as far as the reader may know."""
        is_known = self.decided_by_id == reader.pk or reader.has_perm(USER_READ)
        return self.decided_by if is_known else None
