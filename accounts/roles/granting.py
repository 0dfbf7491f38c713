"""Which roles a role may grant: chosen by Super Administrators, without chains, and gone with either role."""

from collections.abc import Collection, Iterable

from accounts.access.authorization import Target, authorize
from accounts.core.catalogue import SUPER_ADMIN
from accounts.models import Permission, Role, User
from accounts.permissions import ROLE_UPDATE
from accounts.roles.assignments import in_order, role_names
from accounts.roles.role_events import record_role
from audit.models import Action
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import Forbidden, ValidationFailed


def lock_granting() -> None:
    """Exclude other changes of any role's `may_grant` until the transaction ends.

    Two at once could make a chain that neither sees: A may grant B, and B may grant C.
    """
    # The same row as for the last Super Administrator, after users and before other roles: no two wait for each other.
    Role.objects.select_for_update(no_key=True).get(slug=SUPER_ADMIN)


def grantable_roles(role: Role | None) -> list[Role]:
    """The roles that `role`, or a new one, could grant; none if others may grant it."""
    if role is not None and (role.is_super_admin or role.given_through.exists()):
        return []
    others = Role.objects.exclude(slug=SUPER_ADMIN).filter(may_grant=None)
    return [other for other in others if other != role]


def find_grantable_roles(actor: Actor, role: Role, names: Collection[str]) -> list[Role]:
    """The roles of these names or slugs, if `actor` may let holders of `role` grant them.

    Raises Forbidden, or ValidationFailed with what is wrong with which.
    """
    require_super_administrator(actor, role)
    lock_granting()
    found = {name: Role.objects.named(name) for name in dict.fromkeys(names)}
    chosen = in_order(other for other in found.values() if other)
    sentences = [f"There is no role {name!r}." for name, other in found.items() if other is None]
    if chosen and role.is_super_admin:
        sentences.append("Super Administrators may give every role already.")
    elif chosen and role.pk and (givers := role_names(role.given_through.all())):
        sentences.append(
            f"{', '.join(givers)} may grant {role.name}, so it can't grant roles itself. Take it from there first."
        )
    sentences += [sentence for other in chosen if (sentence := _refusal(role, other))]
    if sentences:
        raise ValidationFailed({"may_grant": sentences})
    return chosen


def _refusal(role: Role, other: Role) -> str:
    if other == role:
        return "A role can't be given by its own holders: choose others."
    if other.is_super_admin:
        return "Only Super Administrators give the role Super Administrator."
    if further := role_names(other.may_grant.all()):
        return f"{other.name} may grant {', '.join(further)} itself, so no other role can grant it."
    return ""


def require_super_administrator(actor: Actor, role: Role) -> None:
    if isinstance(actor, System):
        return
    # Within the scopes of an API key too.
    target = Target("role", role.pk or "", role.name)
    authorize(actor, Permission.objects.grantable().values_list("name", flat=True), target)
    if not User.objects.active().super_administrators().filter(pk=actor.pk).exists():
        raise Forbidden(ROLE_UPDATE, target)


def change_granting(actor: Actor, role: Role, names: Collection[str]) -> tuple[list[str], list[str]] | None:
    """Set what holders of a locked role may grant; returns the names before and after, or None for no change."""
    before = in_order(role.may_grant.all())
    wanted = {Role.objects.named(name) for name in names}
    if wanted == set(before):
        return None
    after = find_grantable_roles(actor, role, names)
    role.may_grant.set(after)
    return role_names(before), role_names(after)


def record_end_of_granting(actor: Actor, role: Role) -> None:
    """Part of a role's deletion: record it for each role that could be used to give it."""
    for giver in role.given_through.all():
        before = in_order(giver.may_grant.all())
        giver.may_grant.remove(role)
        giver.save(update_fields=["updated_at"])  # a new version
        record_role(actor, Action.UPDATE, giver, {"may_grant": (role_names(before), _without(before, role))})


def _without(roles: Iterable[Role], role: Role) -> list[str]:
    return role_names(other for other in roles if other != role)
