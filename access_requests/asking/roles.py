"""Which roles a person may ask for."""

from collections.abc import Iterable

from django.db.models import Count

from access_requests.models import AccessRequest
from accounts.core.catalogue import SUPER_ADMIN
from accounts.models import Role, RoleGrant, User
from accounts.models.querysets import RoleQuerySet

#: Roles that a page names for a missing permission, the smallest first.
MAX_NAMED = 3


def requestable_roles() -> RoleQuerySet:
    """Whose names and descriptions everyone who signs in may read. Super Administrator is none, whatever is stored."""
    roles: RoleQuerySet = Role.objects.filter(is_requestable=True).exclude(slug=SUPER_ADMIN)
    return roles


def roles_to_ask_for(user: User) -> RoleQuerySet:
    """Those that they neither have nor wait for."""
    held = RoleGrant.objects.unended().filter(user=user.pk).order_by().values("role")
    asked = AccessRequest.objects.open().filter(user=user.pk).order_by().values("role")
    roles: RoleQuerySet = requestable_roles().exclude(pk__in=held).exclude(pk__in=asked)
    return roles


def smallest_roles_with(permission: str, user: User) -> list[Role]:
    """The smallest of these that hold the permission, by the number of theirs."""
    holding = Role.objects.filter(permissions__name=permission).values("pk")
    return _smallest(roles_to_ask_for(user).filter(pk__in=holding))


def smallest_of(user: User, roles: Iterable[Role]) -> list[Role]:
    """Those of `roles` that they may ask for now, the smallest first; few are named."""
    return _smallest(roles_to_ask_for(user).filter(pk__in=[role.pk for role in roles])) if may_ask(user) else []


def _smallest(roles: RoleQuerySet) -> list[Role]:
    return list(roles.annotate(size=Count("permissions")).order_by("size", "position", "name")[:MAX_NAMED])


def may_ask(user: User) -> bool:
    """Whether they are a person; a program gets its roles from an administrator."""
    return not user.is_service
