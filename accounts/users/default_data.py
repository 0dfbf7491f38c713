"""The permissions, system roles and administrator that every installation starts with."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import connection, transaction
from django.utils.crypto import get_random_string

from accounts.access.authorization import SYSTEM
from accounts.core.catalogue import ADMIN, PERMISSION_NAMES, PERMISSIONS, ROLES, SUPER_ADMIN, RoleEntry
from accounts.core.default_admin_address import DEFAULT_ADMIN_EMAIL
from accounts.core.hashers import hashing_slot
from accounts.models import Permission, Role, User
from accounts.passwords.services import reset_password
from accounts.roles.role_events import record_role
from accounts.roles.services import creation_changes
from accounts.users.services import create_user, update_user
from audit.models import Action
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, ServerBusy, ValidationFailed
from reprotech.core.process_cache import process_cache

ADMIN_USERNAME = "admin"
#: For development alone; production refuses it.
DOCUMENTED_PASSWORD = "Admin123!"  # noqa: S105
#: The roles that MFA_REQUIRED_FOR_ADMINISTRATORS is about.
ADMINISTRATOR_ROLES = (SUPER_ADMIN, ADMIN)
#: Fields of a system role whose change by a new version is recorded, like that of its permissions.
RECORDED_ROLE_FIELDS = ("name", "description", "requires_factor")
#: Arbitrary, and used for no other advisory lock of this database.
ADVISORY_LOCK_ID = 7_203_914


def has_documented_password(user: User) -> bool:
    """Whether this is the first administrator, with the password that stands in the documentation.

    It is compared once for each of their passwords, by each process: that costs as much as a sign-in.
    """
    if user.username != ADMIN_USERNAME or not _has_first_password(user):
        return False
    key = f"documented password: {user.pk} {user.password_changed_at}"
    found: bool | None = process_cache.get(key)
    if found is None:
        stored = User.objects.filter(pk=user.pk).values_list("password", flat=True).first()
        try:
            with hashing_slot():
                found = check_password(DOCUMENTED_PASSWORD, stored)
        except ServerBusy:
            return False  # the next page tries again
        process_cache.set(key, found, None)
    return found


def replace_documented_password() -> str | None:
    """In production, replace the first administrator's password if it is still the documented one.

    That happens when a trial installation is put to real use. Returns the password to print, "" when the installer has
    chosen it, None when there was nothing to do. Raises ValidationFailed when ADMIN_PASSWORD breaks the policy.
    """
    admin = User.objects.existing().filter(username=ADMIN_USERNAME).first()
    if settings.DEBUG or admin is None or not _has_first_password(admin):
        return None
    if not admin.check_password(DOCUMENTED_PASSWORD):
        return None
    password = _password_for_production()
    try:
        reset_password(actor=SYSTEM, user_id=admin.pk, password=password)
    except ValidationFailed as refusal:
        raise ValidationFailed({"ADMIN_PASSWORD": refusal.errors["password"]}) from None
    return "" if settings.ADMIN_PASSWORD else password


def replace_default_address() -> bool:
    """Give the first administrator the address of ADMIN_EMAIL while they have the default one; returns whether it did.

    Raises ValidationFailed when another account has that address.
    """
    admin = User.objects.existing().filter(username=ADMIN_USERNAME, email__iexact=DEFAULT_ADMIN_EMAIL).first()
    if admin is None or settings.ADMIN_EMAIL.casefold() in {"", DEFAULT_ADMIN_EMAIL}:
        return False
    try:
        update_user(actor=SYSTEM, user_id=admin.pk, email=settings.ADMIN_EMAIL)
    except Conflict as refusal:
        raise ValidationFailed({"ADMIN_EMAIL": [str(refusal)]}) from None
    return True


def _has_first_password(user: User) -> bool:
    """A password that was changed later needs no check, which is an expensive hash."""
    changed = user.password_changed_at
    return changed is None or changed - user.created_at < timedelta(minutes=1)


def _password_for_production() -> str:
    if settings.ADMIN_PASSWORD == DOCUMENTED_PASSWORD:
        raise ValidationFailed({"ADMIN_PASSWORD": ["This password stands in the documentation. Choose another."]})
    return settings.ADMIN_PASSWORD or random_password()


def random_password() -> str:
    # The prefix has a character of each class that the policy asks for.
    return "Rp1-" + get_random_string(20)


@transaction.atomic
@explicitly_recorded()
def load_default_data() -> tuple[int, str | None]:
    """Bring permissions and system roles in line with the catalogue, and create the administrator if there is no user.

    Two processes may call it at once. System roles that were edited on purpose keep their permissions, except that
    Super Administrator holds all. Returns the number of changes, and the new administrator's password: to be printed
    once, "" when the installer has chosen it, None when none was created. Raises ValidationFailed when ADMIN_PASSWORD
    breaks the policy.
    """
    # SQLite's transactions exclude each other already.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])
    changes = _load_permissions() + sum(_load_role(position, entry) for position, entry in enumerate(ROLES))
    return changes, None if User.objects.exists() else _create_admin()


def _load_permissions() -> int:
    changes = 0
    for position, entry in enumerate(PERMISSIONS):
        values = {"description": entry.description, "resource": entry.resource, "action": entry.action}
        if not Permission.objects.filter(name=entry.name, position=position, **values).exists():
            Permission.objects.update_or_create(name=entry.name, defaults={"position": position, **values})
            changes += 1
    # Those of applications are theirs to change.
    stale = Permission.objects.of_catalogue().exclude(name__in=PERMISSION_NAMES)
    for role in Role.objects.filter(permissions__in=stale).distinct():
        before = role.permission_names
        gone = set(stale.values_list("name", flat=True))
        kept = [name for name in before if name not in gone]
        record_role(SYSTEM, Action.UPDATE, role, {"permissions": (before, kept)})
    deleted, _ = stale.delete()
    return changes + deleted


def _load_role(position: int, entry: RoleEntry) -> int:
    role = Role.objects.filter(slug=entry.slug).first() or Role(slug=entry.slug)
    is_new = role.pk is None
    values: dict[str, object] = {"name": entry.name, "is_system": True, "position": position}
    if not role.is_customized:
        values["requires_factor"] = settings.MFA_REQUIRED_FOR_ADMINISTRATORS and entry.slug in ADMINISTRATOR_ROLES
        values["description"] = entry.description
    if is_new:
        values["is_requestable"] = entry.is_requestable
    changes = {name: (getattr(role, name), new) for name, new in values.items() if getattr(role, name) != new}
    for name, new in values.items():
        setattr(role, name, new)
    if changes:
        role.save()
    if is_new:
        role.permissions.set(Permission.objects.filter(name__in=entry.permissions))
        record_role(SYSTEM, Action.CREATE, role, creation_changes(role))
        return 1
    for field in RECORDED_ROLE_FIELDS:
        if field in changes:
            record_role(SYSTEM, Action.UPDATE, role, {field: changes[field]})
    held = role.permission_names
    own = Permission.objects.of_applications()
    # A system role keeps permissions of applications that it was given; one holds them all.
    of_applications = own if entry.slug == SUPER_ADMIN else own.filter(roles=role)
    wanted = entry.permissions | set(of_applications.values_list("name", flat=True))
    if set(held) == wanted or (role.is_customized and entry.slug != SUPER_ADMIN):
        return int(bool(changes))
    role.permissions.set(Permission.objects.filter(name__in=wanted))
    role.save(update_fields=["updated_at"])  # a new version
    record_role(SYSTEM, Action.UPDATE, role, {"permissions": (held, role.permission_names)})
    return int(bool(changes)) + 1


def _create_admin() -> str:
    """Create the first Super Administrator; returns the password to print, if any."""
    known = settings.ADMIN_PASSWORD or (DOCUMENTED_PASSWORD if settings.DEBUG else "")
    password = (known or random_password()) if settings.DEBUG else _password_for_production()
    create_user(
        actor=SYSTEM,
        username=ADMIN_USERNAME,
        email=settings.ADMIN_EMAIL or DEFAULT_ADMIN_EMAIL,
        password=password,
        first_name="System",
        last_name="Administrator",
        roles=[SUPER_ADMIN],
        must_change_password=not known,
    )
    return "" if settings.ADMIN_PASSWORD else password
