"""Giving roles for a period, changing that period, and taking roles: one at a time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.access.authorization import (
    authorize,
    authorize_roles,
    authorize_until,
    require_remaining_super_administrator,
    service,
)
from accounts.access.optimistic_locking import refuse_stale_version
from accounts.access.row_locks import lock_for_change
from accounts.access.user_events import record_user
from accounts.models import Role, RoleGrant
from accounts.periods.grants import (
    describe_grant,
    forget_roles,
    give_roles,
    grant_details,
    refuse_overlap,
    take_roles,
)
from accounts.periods.validation import check_period
from accounts.permissions import USER_UPDATE
from accounts.roles.assignments import find_roles, mark_roles_changed, permission_names_of, record_role_changes
from audit.models import Action
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound
from reprotech.core.reauthentication import require_recent_authentication
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
    expected_versions: Collection[str] = (),
) -> RoleGrant:
    """Give a user a role (name or slug), from now or a later start, without or until an end.

    Raises NotFound, Forbidden, OwnGrantEndsEarlier, ValidationFailed, StaleVersion, or Conflict where they have the
    role at that time.
    """
    user = lock_for_change(actor, user_id, USER_UPDATE)
    refuse_stale_version(actor, user, expected_versions)
    [found] = find_roles([role])
    authorize_roles(actor, [found])
    _check_grant(actor, found, starts_at, ends_at)
    require_recent_authentication()
    before = list(user.roles.all())
    [grant] = give_roles(actor, user, [found], starts_at=starts_at, ends_at=ends_at, reason=reason)
    mark_roles_changed(user)
    if grant.holds_now:
        record_role_changes(actor, user, before, [*before, found], **grant_details([grant]))
    else:
        record_user(actor, Action.ROLE_ASSIGN, user, roles=[found.name], **grant_details([grant]))
    return grant


@service
def change_grant(
    *,
    actor: Actor,
    user_id: int,
    grant_id: int,
    starts_at: datetime | None = UNCHANGED,
    ends_at: datetime | None = UNCHANGED,
    reason: str = UNCHANGED,
    expected_versions: Collection[str] = (),
) -> RoleGrant:
    """Change when a grant begins or ends; None is open. What isn't given stays.

    A grant that has begun keeps its start. Raises NotFound, Forbidden, OwnGrantEndsEarlier, ValidationFailed,
    StaleVersion, or Conflict where the periods of two grants of a role would overlap.
    """
    user = lock_for_change(actor, user_id, USER_UPDATE)
    refuse_stale_version(actor, user, expected_versions)
    grants = RoleGrant.objects.select_for_update(of=("self",)).unended().filter(user=user)
    grant: RoleGrant | None = grants.select_related("role").filter(pk=grant_id).first()
    if grant is None:
        raise NotFound("grant")
    authorize_roles(actor, [grant.role])
    before, held = describe_grant(grant), grant.holds_now
    roles = list(user.roles.all())
    if starts_at is not UNCHANGED:
        grant.starts_at = starts_at
    if ends_at is not UNCHANGED:
        grant.ends_at = ends_at
    if reason is not UNCHANGED or current_reason().text:
        grant.reason = current_reason().text if reason is UNCHANGED else reason
    if describe_grant(grant) == before:
        grant.save(update_fields=["reason"])
        return grant
    _check_grant(actor, grant.role, grant.starts_at, grant.ends_at)
    refuse_overlap(grant)
    grant.user = user
    if held and grant.role.is_super_admin and user.can_sign_in and (grant.ends_at or not grant.holds_now):
        require_remaining_super_administrator(without=[user.pk])
    require_recent_authentication()
    grant.is_pending = not grant.holds_now
    grant.granted_by_id = actor.pk
    grant.save()
    forget_roles(user)
    mark_roles_changed(user)
    changes: dict[str, tuple[object, object]] = {"role_grants": ([before], [describe_grant(grant)])}
    now = list(user.roles.all())
    if now != roles:
        changes["roles"] = (sorted(role.name for role in roles), sorted(role.name for role in now))
    record_user(
        actor, Action.ROLE_ASSIGN, user, changes=changes, roles=[grant.role.name], grants=[describe_grant(grant)]
    )
    return grant


@service
def revoke_role(*, actor: Actor, user_id: int, role: str, expected_versions: Collection[str] = ()) -> list[RoleGrant]:
    """Take a role (name or slug) from a user, also what begins later; returns the grants that are gone.

    Raises NotFound, also where they don't have it, Forbidden, StaleVersion or Conflict.
    """
    user = lock_for_change(actor, user_id, USER_UPDATE)
    refuse_stale_version(actor, user, expected_versions)
    found = Role.objects.named(role)
    grants = RoleGrant.objects.unended().filter(user=user, role=found)
    if found is None or not grants.exists():
        raise NotFound("role of this user")
    authorize(actor, permission_names_of([found]), user)
    before = list(user.roles.all())
    if found in before and found.is_super_admin and user.can_sign_in:
        require_remaining_super_administrator(without=[user.pk])
    require_recent_authentication()
    gone = take_roles(user, [found])
    mark_roles_changed(user)
    if found in before:
        record_role_changes(actor, user, before, [held for held in before if held != found])
    else:
        record_user(actor, Action.ROLE_REVOKE, user, roles=[found.name], **grant_details(gone))
    return gone


def _check_grant(actor: Actor, role: Role, starts_at: datetime | None, ends_at: datetime | None) -> None:
    # Someone must hold it for good.
    check_period(starts_at, ends_at, max_days=0 if role.is_super_admin else settings.GRANT_MAX_DAYS)
    authorize_until(actor, permission_names_of([role]), ends_at, role)
