"""What events say of the state after a change, where their own words would say too little to replay it.

No names of people are in it: erasure leaves it as it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.models import Role, RoleGrant, User
from accounts.periods.grants import describe_grant, iso_time

State = dict[str, Any]


def states_of_users(user_ids: Iterable[object]) -> Mapping[str, State]:
    """By id, as events name it; of accounts that are deleted or were never there too."""
    ids = [int(str(pk)) for pk in user_ids if str(pk).isdigit()]
    users = {user.pk: user for user in User._base_manager.filter(pk__in=ids, deleted_at=None)}
    grants: dict[int, list[RoleGrant]] = {}
    for grant in RoleGrant._base_manager.filter(user__in=users).select_related("role").order_by("pk"):
        grants.setdefault(grant.user_id, []).append(grant)
    return {str(pk): _state_of(users.get(pk), grants.get(pk, [])) for pk in ids}


def _state_of(user: User | None, grants: Iterable[RoleGrant]) -> State:
    if user is None:
        return {"exists": False}
    return {
        "exists": True,
        "is_active": user.is_active,
        "locked": user.is_locked,
        "is_service": user.is_service,
        "starts_at": iso_time(user.starts_at),
        "ends_at": iso_time(user.ends_at),
        "grants": [{**describe_grant(grant), "role_id": grant.role_id} for grant in grants],
    }


def states_of_roles(role_ids: Iterable[object]) -> Mapping[str, State]:
    ids = [int(str(pk)) for pk in role_ids if str(pk).isdigit()]
    roles = {role.pk: role for role in Role._base_manager.filter(pk__in=ids).prefetch_related("permissions")}
    return {str(pk): _state_of_role(roles.get(pk)) for pk in ids}


def _state_of_role(role: Role | None) -> State:
    if role is None:
        return {"exists": False}
    return {"exists": True, "name": role.name, "permissions": role.permission_names}
