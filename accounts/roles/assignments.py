"""Assigning roles: lookup by name, the permissions that they give, and the audit events of a change."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from django.utils import timezone

from accounts.access.user_events import record_user
from accounts.models import Role, User
from accounts.sessions.services import expire_recent_authentication
from audit.models import Action
from reprotech.core.actors import Actor
from reprotech.core.exceptions import ValidationFailed

EMPTY: Mapping[str, Any] = MappingProxyType({})


def find_roles(names: Collection[str]) -> list[Role]:
    """The roles of these names or slugs, with their permissions; raises ValidationFailed naming the unknown ones."""
    roles = {name: Role.objects.named(name) for name in names}
    if unknown := [name for name, role in roles.items() if role is None]:
        raise ValidationFailed({"roles": [f"There is no role {name!r}." for name in unknown]})
    return in_order(role for role in roles.values() if role)


def in_order(roles: Iterable[Role]) -> list[Role]:
    """Each role once, in the order of the lists."""
    return sorted(set(roles), key=lambda role: (role.position, role.name))


def role_names(roles: Iterable[Role]) -> list[str]:
    return [role.name for role in roles]


def mark_roles_changed(user: User) -> None:
    """Give the user a new version, and require reauthentication before they use what the new roles allow."""
    expire_recent_authentication(user_ids=[user.pk])
    user.updated_at = timezone.now()
    user.save(update_fields=["updated_at"])


def record_role_changes(
    actor: Actor,
    user: User,
    before: Iterable[Role],
    after: Iterable[Role],
    *,
    assigned: Mapping[str, Any] = EMPTY,
    revoked: Mapping[str, Any] = EMPTY,
) -> None:
    """The roles that are held now, before and after; with details of those that were assigned and revoked."""
    old, new = set(role_names(before)), set(role_names(after))
    both = old | new
    if new - old:
        changes = {"roles": (sorted(old), sorted(both))}
        record_user(actor, Action.ROLE_ASSIGN, user, changes=changes, roles=sorted(new - old), **assigned)
    if old - new:
        changes = {"roles": (sorted(both), sorted(new))}
        record_user(actor, Action.ROLE_REVOKE, user, changes=changes, roles=sorted(old - new), **revoked)
