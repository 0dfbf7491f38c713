"""Giving roles for a period, changing that period, and taking roles: one at a time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from accounts.access.authorization import authorize_over, service
from accounts.access.optimistic_locking import refuse_stale_version
from accounts.access.row_locks import lock_with_permission
from accounts.models import Role, RoleGrant
from accounts.periods.grants import describe_grant, new_grant
from accounts.permissions import USER_UPDATE
from accounts.roles.assignments import find_roles
from accounts.roles.grant_changes import GrantChanges, apply_grant_changes, authorize_grant_changes, set_period
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound
from reprotech.core.request_context import current_reason

#: For an argument that isn't given, where None would mean "no end".
UNCHANGED: Any = object()


@service
def grant_role(
    *,
    actor: Actor,
    user_id: int,
    role: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason: str = "",
    request_id: int | None = None,
    expected_versions: Collection[str] = (),
) -> RoleGrant:
    """Give a user a role (name or slug), from now or a later start, without or until an end.

    Its event names the request for access that it answers, if any.

    Raises NotFound, Forbidden, OwnGrantEndsEarlier, ValidationFailed, StaleVersion, or Conflict where they have the
    role at that time.
    """
    user = lock_with_permission(actor, user_id, USER_UPDATE)
    [found] = find_roles([role])
    grant = new_grant(actor, user, found, starts_at=starts_at, ends_at=ends_at, reason=reason)
    changes = GrantChanges(added=[grant], details={"request": request_id} if request_id else {})
    authorize_grant_changes(actor, user, changes)
    refuse_stale_version(actor, user, expected_versions)
    apply_grant_changes(actor, user, changes)
    return grant


@service
def change_grant(
    *,
    actor: Actor,
    user_id: int,
    grant_id: int,
    starts_at: datetime | None = UNCHANGED,
    ends_at: datetime | None = UNCHANGED,
    reason: str = "",
    expected_versions: Collection[str] = (),
) -> RoleGrant:
    """Change when a grant begins or ends; None is open. What isn't given stays.

    Raises NotFound, Forbidden, OwnGrantEndsEarlier, ValidationFailed, StaleVersion, or Conflict where the periods of
    two grants of a role would overlap.
    """
    user = lock_with_permission(actor, user_id, USER_UPDATE)
    grants = RoleGrant.objects.unended().filter(user=user).select_related("role")
    grant: RoleGrant | None = grants.filter(pk=grant_id).first()
    if grant is None:
        authorize_over(actor, user)
        raise NotFound("grant")
    grant.user, before = user, describe_grant(grant)
    start = grant.starts_at if starts_at is UNCHANGED else starts_at
    end = grant.ends_at if ends_at is UNCHANGED else ends_at
    is_changed = (start, end) != (grant.starts_at, grant.ends_at)
    set_period(actor, grant, start, end)
    changes = GrantChanges(changed=[(grant, before)])
    authorize_grant_changes(actor, user, changes)
    refuse_stale_version(actor, user, expected_versions)
    if is_changed:
        grant.reason = reason or current_reason().text or grant.reason
        apply_grant_changes(actor, user, changes)
    return grant


@service
def revoke_role(*, actor: Actor, user_id: int, role: str, expected_versions: Collection[str] = ()) -> list[RoleGrant]:
    """Revoke a role (name or slug) of a user, also what begins later; returns the grants that are gone.

    Raises NotFound, also where they don't have it, Forbidden, StaleVersion or Conflict.
    """
    user = lock_with_permission(actor, user_id, USER_UPDATE)
    found = Role.objects.named(role)
    grants = RoleGrant.objects.unended().filter(user=user, role=found).select_related("role")
    gone = list(grants) if found else []
    if found is None or not gone:
        authorize_over(actor, user)
        raise NotFound("role of this user")
    changes = GrantChanges(removed=gone)
    authorize_grant_changes(actor, user, changes)
    refuse_stale_version(actor, user, expected_versions)
    apply_grant_changes(actor, user, changes)
    return gone
