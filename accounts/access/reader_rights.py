"""What the reader of a page may do to accounts and roles: pages hide the rest. Services decide, by the same rules."""

from accounts.access.role_granting import RoleGranting
from accounts.core.catalogue import in_catalogue_order
from accounts.models import Role, User


def missing_permissions(reader: User, holder: User | Role) -> list[str]:
    """Permissions that `holder` leads to and the reader lacks: with any, only what `may_grant` allows is left."""
    own = reader.get_all_permissions()
    held = holder.permissions_now_or_later if isinstance(holder, User) else frozenset(holder.permission_names)
    missing = held - own
    # Super Administrators hold all that any role could give.
    if not missing and reader != holder and not reader.is_super_administrator:
        slugs = holder.grants.role_slugs if isinstance(holder, User) else [holder.slug]
        missing = RoleGranting.of_reader(reader).permissions_given_by(slugs) - own
    return in_catalogue_order(missing)


def missing_to_close(reader: User, user: User) -> list[str]:
    """The same for locking, deactivating and signing out, which needs less: see `authorize_closing`."""
    return missing_permissions(reader, user) if user.is_super_administrator else []


def missing_to_assign(reader: User, role: Role, user: User | None = None) -> list[str]:
    """What the reader lacks to give a role, to `user` or to anyone, and to take it: see `authorize_role_change`."""
    missing = missing_permissions(reader, role)
    if user is not None and role.slug in user.grants.role_slugs:
        missing = missing_permissions(reader, user)  # to take it
    elif user is not None and not missing:
        missing = missing_permissions(reader, user)
    return [] if missing and is_given_by(reader, role, user) else missing


def missing_to_change_roles(reader: User, user: User) -> list[str]:
    """The same while it isn't known which role: a role of the reader's may grant some, to other people."""
    is_possible = user.pk != reader.pk and not user.is_service and not user.is_super_administrator
    return [] if is_possible and roles_given_by(reader) else missing_permissions(reader, user)


def is_given_by(reader: User, role: Role, user: User | None = None) -> bool:
    """Whether a role of the reader's may grant `role`, to `user` or to people at all."""
    if user is not None and (user.pk == reader.pk or user.is_service or user.is_super_administrator):
        return False
    return role.slug in roles_given_by(reader)


def granted_through(reader: User, role: Role, user: User | None = None) -> list[str]:
    """Names of the reader's roles by which they may give `role`, if they can't give it otherwise."""
    if not is_given_by(reader, role, user) or not (
        missing_permissions(reader, role) or (user is not None and missing_permissions(reader, user))
    ):
        return []
    granting = RoleGranting.of_reader(reader)
    names = zip(reader.grants.role_slugs, reader.grants.role_names, strict=True)
    return [name for slug, name in names if role.slug in granting.given_by([slug])]


def roles_given_by(reader: User) -> frozenset[str]:
    """Slugs."""
    return RoleGranting.of_reader(reader).given_by(reader.grants.role_slugs)


def missing_to_invite(reader: User, user: User) -> list[str]:
    """The same for mailing an invitation again: see `authorize_invitation`."""
    missing = missing_permissions(reader, user)
    if not missing or user.is_service:
        return missing
    given = roles_given_by(reader)
    lacking = [role for role in user.roles.all() if role.slug not in given and missing_permissions(reader, role)]
    return missing if lacking else []
