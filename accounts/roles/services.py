from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.access.authorization import OPEN_END, Target, authorize, authorize_until, reach_of, service
from accounts.access.optimistic_locking import refuse_stale_version
from accounts.access.role_granting import RoleGranting
from accounts.access.user_events import record_user
from accounts.core.catalogue import in_catalogue_order
from accounts.core.confusables import confusable_forms
from accounts.core.model_fields import stored_form
from accounts.models import Exclusion, Permission, Role, RoleGrant, User
from accounts.models.querysets import RoleQuerySet
from accounts.periods.grants import grant_details, move_grants
from accounts.periods.recorded_states import states_of_users
from accounts.permissions import ROLE_CREATE, ROLE_DELETE, ROLE_UPDATE
from accounts.roles.applications import Registered
from accounts.roles.assignments import mark_roles_changed, record_role_changes
from accounts.roles.granting import change_granting, find_grantable_roles, lock_granting, record_end_of_granting
from accounts.roles.role_events import record_role
from accounts.segregation.checks import checked_rights, exclusion_details
from accounts.segregation.role_checks import refuse_excluded_permissions
from audit.models import Action
from audit.services import Changes
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication

NAME_TAKEN = "There is a role of this name already."


@service
def create_role(
    *,
    actor: Actor,
    name: str,
    description: str = "",
    permissions: Collection[str] = (),
    requires_factor: bool = False,
    is_requestable: bool = False,
    may_grant: Collection[str] = (),
) -> Role:
    """Create a role with these permissions; only Super Administrators choose which others it `may_grant`.

    Raises Forbidden, ValidationFailed, or Conflict for a taken name.
    """
    authorize(actor, ROLE_CREATE)
    granted = find_permissions(permissions)
    authorize(actor, permissions, Target("role", name=name))
    name, description = stored_form(Role, "name", name), stored_form(Role, "description", description)
    role = Role(
        name=name,
        slug=_slug(name),
        description=description,
        requires_factor=requires_factor,
        is_requestable=is_requestable,
    )
    may_be_given = find_grantable_roles(actor, role, may_grant) if may_grant else []
    _save(role, is_named=True)
    role.permissions.set(granted)
    role.may_grant.set(may_be_given)
    record_role(actor, Action.CREATE, role, creation_changes(role))
    return role


def creation_changes(role: Role) -> Changes:
    changes: dict[str, tuple[object, object]] = {
        "name": (None, role.name),
        "description": (None, role.description),
        "permissions": ([], role.permission_names),
    }
    if role.requires_factor:
        changes["requires_factor"] = (None, True)
    if role.is_requestable:
        changes["is_requestable"] = (None, True)
    if may_grant := role.may_grant_names:
        changes["may_grant"] = ([], may_grant)
    return changes


@service
def update_role(
    *,
    actor: Actor,
    role_id: int,
    permissions: Collection[str] | None = None,
    may_grant: Collection[str] | None = None,
    expected_versions: Collection[str] = (),
    **fields: str | bool,
) -> Role:
    """Change `name`, `description`, `requires_factor` and `is_requestable`, the permissions (names) that a role holds,
    and the roles (names) that its holders may grant, which only Super Administrators do; its slug stays.

    The actor needs all that the role leads to and would hold. Raises NotFound, Forbidden, ValidationFailed, Conflict,
    Segregation, or StaleVersion unless the role is still as one of `expected_versions`.
    """
    if may_grant is not None:
        lock_granting()
    # Locked before authorizing: a permission that is revoked while this waits counts.
    role = Role.objects.select_for_update(no_key=True).filter(pk=role_id).first()
    authorize(actor, ROLE_UPDATE, Target("role", role_id))
    if role is None:
        raise NotFound("role")
    granted = find_permissions(permissions or (), held=role.permission_names)
    authorize(actor, {*reach_of(role, RoleGranting.load()), *(permissions or ())}, role)
    # Holders get for good what is added.
    authorize_until(actor, {*(permissions or ())} - {*role.permission_names}, None, role)
    refuse_stale_version(actor, role, expected_versions)
    fields = {name: stored_form(Role, name, value) for name, value in fields.items()}
    changes: dict[str, tuple[object, object]] = {
        name: (getattr(role, name), new) for name, new in fields.items() if getattr(role, name) != new
    }
    if "name" in changes:
        if role.is_system:
            raise Conflict("System roles can't be renamed.", {"name": ["System roles can't be renamed."]})
        # Its slug stays: programs decide by it who is who (`roles` and `groups` of single sign-on).
        _slug(str(fields["name"]))
    _refuse_requests_for_super_administrator(role, fields)
    for name, (_, new) in changes.items():
        setattr(role, name, new)
    warned: list[str] = []
    if permissions is not None and set(permissions) != set(role.permission_names):
        change, warned = _change_permissions(actor, role, granted)
        changes["permissions"] = change
    if may_grant is not None and (granting := change_granting(actor, role, may_grant)):
        changes["may_grant"] = granting
    if changes:
        # Otherwise `init_data` would put the catalogue's permissions back at the next update. It leaves
        # `is_requestable` alone.
        role.is_customized = role.is_customized or (role.is_system and changes.keys() != {"is_requestable"})
        _save(role, is_named="name" in changes)
        if changes.keys() & {"permissions", "requires_factor", "may_grant"}:
            require_recent_authentication()
        record_role(actor, Action.UPDATE, role, changes, **exclusion_details(warned))
    return role


def _refuse_requests_for_super_administrator(role: Role, fields: Mapping[str, object]) -> None:
    if role.is_super_admin and fields.get("is_requestable"):
        sentence = "Nobody can ask for the role Super Administrator: another one gives it."
        raise Conflict(sentence, {"is_requestable": [sentence]})


def _change_permissions(
    actor: Actor, role: Role, granted: list[Permission]
) -> tuple[tuple[list[str], list[str]], list[str]]:
    """The names before and after, and the warnings of exclusions."""
    if role.is_super_admin:
        sentence = "Super Administrator always holds every permission."
        # Otherwise nobody might be left who could give a permission back.
        raise Conflict(sentence, {"permissions": [sentence]})
    before = role.permission_names
    added = [permission for permission in granted if permission.name not in before]
    warned = refuse_excluded_permissions(actor, role, added)
    role.permissions.set(granted)
    return (before, role.permission_names), warned


@service
def delete_role(
    *, actor: Actor, role_id: int, reassign_to: str | None = None, expected_versions: Collection[str] = ()
) -> None:
    """Delete a role; its users get the role `reassign_to` (name or slug) instead, which opens its applications too.

    Raises NotFound, Forbidden, ValidationFailed, Conflict for a system role, and for a role in use without
    `reassign_to`, or StaleVersion unless the role is still as one of `expected_versions`.
    """
    locked = _lock_for_deletion(role_id, reassign_to)
    authorize(actor, ROLE_DELETE, Target("role", role_id))
    if locked is None:
        raise NotFound("role")
    locked_users, role, other = locked
    authorize(actor, reach_of(role, RoleGranting.load()), role)
    refuse_stale_version(actor, role, expected_versions)
    if role.is_system:
        raise Conflict("System roles can't be deleted.")
    if named := Exclusion.objects.naming(role).values_list("name", flat=True).first():
        # Without the role the exclusion would keep less apart, and nobody would notice.
        raise Conflict(f"The exclusion “{named}” names this role. Take it out of there first.")
    require_recent_authentication()
    if RoleGrant.objects.filter(role=role, ends_at__lte=timezone.now()).exists():
        # Its end would never be on record.
        raise Conflict("A grant of this role has just ended, and is being recorded. Try again in half a minute.")
    holders = list(User.objects.existing().granted(role.pk).with_roles().order_by("pk"))
    if holders and reassign_to is None:
        users = "1 user holds" if len(holders) == 1 else f"{len(holders)} users hold"
        raise Conflict(f"{users} this role. Take it away first, or delete it with ?reassign_to=<another role>.")
    # Assigned after the users were locked, and before the role was.
    if not {user.pk for user in holders} <= locked_users:
        raise Conflict("Someone was given this role a moment ago. Try again.")
    if holders:
        _reassign(actor, role, holders, other)
    Registered.applications.replace_role(actor, role, other)
    record_end_of_granting(actor, role)
    # First: deleting the role removes the permissions that the event lists.
    record_role(actor, Action.DELETE, role, deletion_changes(role))
    role.delete()


def deletion_changes(role: Role) -> Changes:
    changes: Changes = {"name": (role.name, None), "permissions": (role.permission_names, [])}
    return {**changes, "may_grant": (names, [])} if (names := role.may_grant_names) else changes


def _lock_for_deletion(role_id: int, reassign_to: str | None) -> tuple[set[int], Role, Role | None] | None:
    """Lock a role's users, the role, and the role that replaces it, if that is another; None if there is no role.

    Users are locked before roles, and each in one order, so that two changes can't deadlock. The exclusive lock of the
    role comes last: from then on nobody can be assigned it.
    """
    if not Role.objects.filter(pk=role_id).exists():
        return None  # ids beyond 64 bits too, which the queries below can't take
    holders = User.objects.existing().granted(role_id).order_by("pk")
    locked_users = set(holders.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    lock_granting()
    other = Role.objects.named(reassign_to) if reassign_to else None
    wanted = [role_id, other.pk if other else role_id]
    roles = Role.objects.filter(pk__in=wanted).order_by("pk")
    locked_roles = {role.pk: role for role in roles.select_for_update(no_key=True)}
    if not Role.objects.select_for_update().filter(pk=role_id).exists():
        return None
    role = locked_roles.pop(role_id)
    return locked_users, role, next(iter(locked_roles.values()), None)


def _reassign(actor: Actor, role: Role, holders: list[User], other: Role | None) -> None:
    if other is None:
        raise ValidationFailed({"reassign_to": ["Name another role that exists."]})
    granting = RoleGranting.load()
    grants = RoleGrant.objects.unended().filter(user__in=holders).order_by()
    held = Permission.objects.filter(roles__user_grants__in=grants).values_list("name", flat=True).distinct()
    others = grants.exclude(user=actor.pk).values_list("role__slug", flat=True).distinct()
    authorize(actor, {*held, *granting.permissions_given_by(others), *reach_of(other, granting)}, role)
    of_role = RoleGrant.objects.unended().filter(role=role, user__in=holders)
    ends = [end or OPEN_END for end in of_role.values_list("ends_at", flat=True)]
    last = max(ends, default=OPEN_END)
    authorize_until(actor, reach_of(other, granting), None if last == OPEN_END else last, role)
    before = {user.pk: list(user.roles.all()) for user in holders}
    with checked_rights(actor, holders) as warned:
        moved = {user.pk: move_grants(actor, user, role, other) for user in holders}
    for user in holders:
        mark_roles_changed(user)
        _record_reassignment(actor, user, before[user.pk], moved[user.pk], exclusion_details(warned.get(user.pk, [])))


def _record_reassignment(
    actor: Actor, user: User, before: list[Role], moved: list[RoleGrant], exclusions: dict[str, Any]
) -> None:
    """With the state after it unless all is for good: periods are merged, and what begins later isn't held yet."""
    after = list(user.roles.all())
    is_plain = all(grant.role not in before and not grant.starts_at and not grant.ends_at for grant in moved)
    state = {} if is_plain else {"state": states_of_users([user.pk])[str(user.pk)]}
    details = {**grant_details(moved), **exclusions, **state}
    if {*before} != {*after}:
        record_role_changes(actor, user, before, after, assigned=details, revoked=state)
    else:
        names = sorted({grant.role.name for grant in moved})
        record_user(actor, Action.ROLE_ASSIGN, user, roles=names, **details)


def find_permissions(names: Iterable[str], held: Collection[str] = ()) -> list[Permission]:
    """The permissions of these names; raises ValidationFailed for unknown ones, and retired ones that aren't `held`."""
    wanted = set(names)
    found = list(Permission.objects.filter(name__in=wanted))
    if unknown := wanted - {permission.name for permission in found}:
        raise ValidationFailed(
            {"permissions": [f"There is no permission {name!r}." for name in in_catalogue_order(unknown)]}
        )
    if retired := [permission.name for permission in found if permission.is_retired and permission.name not in held]:
        sentences = [f"{name} is retired: its application no longer has it." for name in in_catalogue_order(retired)]
        raise ValidationFailed({"permissions": sentences})
    return found


def _slug(name: str) -> str:
    slug = slugify(name, allow_unicode=True).replace("-", "_")
    if not slug:
        raise ValidationFailed({"name": ["Use at least one letter or digit."]})
    # Normalizing can make it longer than the name.
    return slug[: Role._meta.get_field("slug").max_length]


def _save(role: Role, *, is_named: bool) -> None:
    try:
        role.clean_fields()
    except ValidationError as error:
        raise ValidationFailed(error.message_dict) from None
    if is_named:
        taken = Role.objects.exclude(pk=role.pk)
        if sentence := _name_problem(role, taken):
            raise Conflict(sentence, {"name": [sentence]})
        looks = confusable_forms(role.name)
        for other in taken.values_list("name", flat=True):
            if looks & confusable_forms(other):
                sentence = f"The role {other} exists already, and this name looks the same. Choose another."
                raise Conflict(sentence, {"name": [sentence]})
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError:
        # A concurrent request took the name after our check.
        raise Conflict(NAME_TAKEN, {"name": [NAME_TAKEN]}) from None


def _name_problem(role: Role, others: RoleQuerySet) -> str:
    """Why a role can't have its name, which may not be another's slug either: lists are filtered by both."""
    if others.filter(name__iexact=role.name).exists():
        return NAME_TAKEN
    other = others.filter(slug__in=[role.slug, _slug(role.name)]).first()
    if other is None:
        return ""
    if other.is_system or _slug(other.name) == other.slug:
        return NAME_TAKEN
    return f"The role {other} was called that before, and programs still know it by that name. Choose another."
