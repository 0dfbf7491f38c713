"""Puts on record that an account or a role began or ended: once for each, also what passed while no server ran.

What holds is decided when rights are read, so nobody waits for this. A grant that is over is deleted with its event,
and an account that is over is marked: a clock that is set back revives neither.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.db import connection, transaction
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access.user_events import record_user
from accounts.models import RoleGrant, User
from accounts.models.user_states import PENDING, UNENDED
from accounts.notifications.services import send_invitations
from accounts.periods.grants import describe_grant, forget_roles, iso_time
from accounts.roles.assignments import mark_roles_changed
from accounts.users.account_period import period_change
from accounts.users.services import revoke_access
from audit.models import Action
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import ValidationFailed
from reprotech.core.request_context import RequestOrigin, request_origin

BEGINS, EXPIRED = "begins", "expired"


@dataclass(frozen=True, slots=True)
class Boundary:
    """A moment that passed, of a grant or, without one, of the account."""

    moment: datetime
    #: Before a beginning at the same moment: a user who has a role without a break doesn't have it twice.
    order: int
    kind: str
    grant: RoleGrant | None = None


def users_past_boundary() -> set[int]:
    """The ids of users of whom a beginning or an end has passed and isn't on record yet."""
    now = timezone.now()
    grants = RoleGrant.objects.order_by()
    begun, over = grants.filter(is_pending=True, starts_at__lte=now), grants.filter(ends_at__lte=now)
    users = User.objects.order_by()
    opened, closed = users.filter(PENDING, starts_at__lte=now), users.filter(UNENDED, ends_at__lte=now)
    by_grant = {pk for rows in (begun, over) for pk in rows.values_list("user", flat=True)}
    return by_grant | {pk for rows in (opened, closed) for pk in rows.values_list("pk", flat=True)}


def record_boundaries() -> int:
    """Record what passed; returns how many boundaries. Several processes may do this at once."""
    return sum(_record_of(user_id) for user_id in sorted(users_past_boundary()))


@transaction.atomic
@explicitly_recorded()
def _record_of(user_id: int) -> int:
    skip_locked = connection.features.has_select_for_update_skip_locked
    users = User.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    user: User | None = users.filter(pk=user_id).first()
    # None: another process has them.
    return record_passed(user) if user else 0


@explicitly_recorded()
def record_passed(user: User) -> int:
    """Record what passed of a locked user, and return how many boundaries.

    Every change of an account does so first: what it changes might be what has just begun or ended, which would never
    be on record then; and sessions that ended with an account would go on if that got a later end.
    """
    # Not of the request that happened to come along, nor for its reason.
    with request_origin(RequestOrigin()):
        return _record_passed(user)


def _record_passed(user: User) -> int:
    now = timezone.now()
    # Read under the lock: what another process has just recorded isn't there any more.
    grants = list(RoleGrant.objects.filter(user=user).select_related("role"))
    passed = sorted([*_of_grants(grants, now), *_of_account(user, now)], key=attrgetter("moment", "order"))
    held = sorted({grant.role.name for grant in grants if not grant.is_pending})
    for boundary in passed:
        if boundary.grant:
            held = _record_grant(user, boundary, boundary.grant, held)
        else:
            _record_account(user, boundary)
    if any(boundary.grant for boundary in passed):
        RoleGrant.objects.filter(user=user, ends_at__lte=now).delete()
        RoleGrant.objects.filter(user=user, is_pending=True, starts_at__lte=now).update(is_pending=False)
        forget_roles(user)
        mark_roles_changed(user)
    return len(passed)


def _of_grants(grants: list[RoleGrant], now: datetime) -> Iterator[Boundary]:
    for grant in grants:
        if grant.is_pending and grant.starts_at is not None and grant.starts_at <= now:
            yield Boundary(grant.starts_at, 1, BEGINS, grant)
        if grant.ends_at is not None and grant.ends_at <= now:
            yield Boundary(grant.ends_at, 0, EXPIRED, grant)


def _of_account(user: User, now: datetime) -> Iterator[Boundary]:
    if user.deleted_at is None:
        if user.period_state == "pending" and user.starts_at is not None and user.starts_at <= now:
            yield Boundary(user.starts_at, 1, BEGINS)
        if user.period_state != "ended" and user.ends_at is not None and user.ends_at <= now:
            yield Boundary(user.ends_at, 0, EXPIRED)


def _record_grant(user: User, boundary: Boundary, grant: RoleGrant, held: list[str]) -> list[str]:
    """Record it; returns the roles that were held after it."""
    name = grant.role.name
    begins = boundary.kind == BEGINS
    after = sorted({*held, name}) if begins else [other for other in held if other != name]
    record_user(
        SYSTEM,
        Action.ROLE_ASSIGN if begins else Action.ROLE_REVOKE,
        user,
        changes={"roles": (held, after)},
        roles=[name],
        grants=[describe_grant(grant)],
        reason=boundary.kind,
        effective_at=iso_time(boundary.moment),
    )
    return after


def _record_account(user: User, boundary: Boundary) -> None:
    before = user.period_state
    user.period_state = "" if boundary.kind == BEGINS else "ended"
    # They were invited the day before, unless no server ran then, or the link has expired.
    invites = boundary.kind == BEGINS and user.can_sign_in and user.is_invited and not user.has_valid_invitation
    if boundary.kind == EXPIRED:
        revoke_access(SYSTEM, user)
        user.end_notice_at = None
    if invites:
        user.invited_at = timezone.now()
    user.updated_at = timezone.now()
    user.save(update_fields=["period_state", "link_number", "invited_at", "end_notice_at", "updated_at"])
    record_user(
        SYSTEM,
        Action.UPDATE,
        user,
        changes=period_change(before, user.period_state),
        reason=boundary.kind,
        effective_at=iso_time(boundary.moment),
    )
    if invites:
        with suppress(ValidationFailed):  # no mail leaves to their address
            send_invitations([user])
