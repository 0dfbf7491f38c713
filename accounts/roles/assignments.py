"""The roles that users have or would have: found by name, what they permit, and their changes on record."""

from collections.abc import Collection, Iterable

from django.utils import timezone

from accounts.access.user_events import record_user
from accounts.models import Permission, Role, User
from accounts.sessions.services import expire_recent_authentication
from audit.models import Action
from reprotech.core.actors import Actor
from reprotech.core.exceptions import ValidationFailed


def find_roles(names: Collection[str]) -> list[Role]:
    """The roles of these names or slugs, with their permissions; raises ValidationFailed naming the unknown ones."""
    found = {name: Role.objects.named(name) for name in names}
    unknown = [name for name, role in found.items() if role is None]
    if unknown:
        raise ValidationFailed({"roles": [f"There is no role {name!r}." for name in unknown]})
    return sorted({role for role in found.values() if role}, key=lambda role: (role.position, role.name))


def permission_names_of(roles: Iterable[Role]) -> set[str]:
    """The names of the permissions that these roles give."""
    return set(Permission.objects.filter(roles__in=list(roles)).values_list("name", flat=True))


def role_names(roles: Iterable[Role]) -> list[str]:
    """The names of roles, in their order."""
    return [role.name for role in roles]


def mark_roles_changed(user: User) -> None:
    """Give a user whose roles changed a new version, and let them prove who they are before they use what is new."""
    expire_recent_authentication(user_ids=[user.pk])
    user.updated_at = timezone.now()
    user.save(update_fields=["updated_at"])


def record_role_changes(actor: Actor, user: User, held: Iterable[Role], wanted: Iterable[Role]) -> None:
    """Put on record which roles a user was given, and which were taken, a row each."""
    before, after = set(role_names(held)), set(role_names(wanted))
    both = before | after
    if after - before:
        changes = {"roles": (sorted(before), sorted(both))}
        record_user(actor, Action.ROLE_ASSIGN, user, changes=changes, roles=sorted(after - before))
    if before - after:
        changes = {"roles": (sorted(both), sorted(after))}
        record_user(actor, Action.ROLE_REVOKE, user, changes=changes, roles=sorted(before - after))
