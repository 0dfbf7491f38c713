"""The permissions that an application brings: `slug.resource_action`, next to the 39 of the catalogue.

Registering gives them to nobody but Super Administrator, which always holds every permission. What the application no
longer lists is deleted, unless a role holds it: then it is retired. Roles keep it, and it can't be given any more.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.access.authorization import service
from accounts.core.catalogue import SUPER_ADMIN
from accounts.models import Permission, Role
from accounts.roles.role_events import record_role
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor, NamedActor
from reprotech.core.exceptions import ValidationFailed
from reprotech.core.normalization import is_deceptive, normalize_text
from sso.applications.locks import lock_application
from sso.exceptions import InvalidClient
from sso.models import Application

MAX_PERMISSIONS = 500
MAX_DESCRIPTION = 200
PART_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
#: After those of the catalogue.
POSITION = 1_000

#: `resource`, `action` and `description` of a permission.
Entry = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Registration:
    """The permissions after a registration, and what became of each name."""

    permissions: list[Permission]
    added: list[str]
    kept: list[str]
    retired: list[str]


@service
def register_permissions(*, actor: Actor, application_id: int, permissions: Sequence[Entry]) -> Registration:
    """Make these the permissions of an application. Raises Forbidden, NotFound or ValidationFailed."""
    return replace_permissions(actor, lock_application(actor, application_id), permissions)


@service
def register_own_permissions(*, actor: NamedActor, client: Application, permissions: Sequence[Entry]) -> Registration:
    """The same by the application itself, which has proved its secret. Raises InvalidClient or ValidationFailed."""
    # Of two registrations at once the second waits, and its list is what stays.
    application = Application.objects.active().select_for_update(no_key=True).filter(pk=client.pk).first()
    if application is None or application.secret_hash != client.secret_hash:
        raise InvalidClient
    return replace_permissions(actor, application, permissions)


def actor_of(application: Application) -> NamedActor:
    """The application as the actor of what it does by itself. No account can have a name with blanks."""
    return NamedActor(f"application {application.name}")


def permissions_of(application: Application) -> list[Permission]:
    """Its permissions by name, those that it doesn't list any more too."""
    return list(Permission.objects.filter(application_slug=application.slug).order_by("name"))


def replace_permissions(actor: Actor, application: Application, permissions: Sequence[Entry]) -> Registration:
    """As `register_permissions`, for an application that is locked and an actor who may."""
    wanted = _checked(application.slug, permissions)
    stored = {permission.name: permission for permission in permissions_of(application)}
    before = [name for name, permission in stored.items() if not permission.is_retired]
    added = [name for name in wanted if name not in before]
    kept = [name for name in wanted if name in before]
    retired = [name for name in before if name not in wanted]
    changed = _save(application.slug, wanted, stored)
    gone = [permission for name, permission in stored.items() if name not in wanted]
    removed = _retire(gone)
    if added or retired or changed or removed:
        _grant_to_super_administrator(actor, set(stored), {*stored, *wanted} - removed)
        _record(actor, application, before, list(wanted), sorted(changed))
    return Registration(permissions_of(application), added, kept, retired)


def _checked(slug: str, permissions: Sequence[Entry]) -> dict[str, Entry]:
    """The permissions by name, in the order of names; raises ValidationFailed with a sentence for each wrong one."""
    if len(permissions) > MAX_PERMISSIONS:
        raise ValidationFailed({"permissions": [f"Give at most {MAX_PERMISSIONS} permissions."]})
    found: dict[str, Entry] = {}
    sentences = []
    for number, entry in enumerate(permissions, 1):
        name = f"{slug}.{entry['resource']}_{entry['action']}"
        if problem := _problem(name, entry, found):
            sentences.append(f"Permission {number}: {problem}")
        found[name] = {**entry, "description": normalize_text(entry["description"])}
    if sentences:
        raise ValidationFailed({"permissions": sentences[:20]})
    return dict(sorted(found.items()))


def _problem(name: str, entry: Entry, earlier: Collection[str]) -> str:
    for part in ("resource", "action"):
        if not PART_PATTERN.fullmatch(entry[part]):
            return f"the {part} must have 1 to 32 small letters (a to z), digits and _, a letter first."
    max_length = Permission._meta.get_field("name").max_length or 0
    if len(name) > max_length:
        return f"its name {name} has more than {max_length} characters."
    if name in earlier:
        return f"{name} is there twice."
    description = entry["description"]
    if not description.strip() or len(description) > MAX_DESCRIPTION or is_deceptive(description):
        return f"describe it with 1 to {MAX_DESCRIPTION} characters, without control characters."
    return ""


def _save(slug: str, wanted: Mapping[str, Entry], stored: Mapping[str, Permission]) -> set[str]:
    """Create and update what differs; returns the names of those that were there with another description."""
    changed = set()
    for name, entry in wanted.items():
        found = stored.get(name)
        permission = found or Permission(name=name, application_slug=slug, position=POSITION)
        values = {"resource": entry["resource"], "action": entry["action"], "description": entry["description"]}
        differing = {field for field, value in values.items() if getattr(permission, field) != value}
        if found and not found.is_retired:
            changed |= {name} if differing else set()
        if not differing and found and not found.is_retired:
            continue
        for field, value in values.items():
            setattr(permission, field, value)
        permission.retired_at = None
        permission.save()
    return changed


def _retire(gone: Collection[Permission]) -> set[str]:
    """Retire what a role holds or an exclusion names, and delete the rest; returns the names of what was deleted."""
    grants = Role.permissions.through.objects.exclude(role__slug=SUPER_ADMIN).filter(permission=OuterRef("pk"))
    chosen = Permission.objects.filter(pk__in=[permission.pk for permission in gone])
    # An exclusion would keep less apart without it, also once the application lists it again.
    is_excluded = Q(exclusions_a__isnull=False) | Q(exclusions_b__isnull=False)
    held = set(chosen.filter(Q(Exists(grants)) | is_excluded).values_list("pk", flat=True))
    Permission.objects.filter(pk__in=held, retired_at=None).update(retired_at=timezone.now())
    unheld = {permission.name for permission in gone if permission.pk not in held}
    chosen.exclude(pk__in=held).delete()
    return unheld


def _grant_to_super_administrator(actor: Actor, before: set[str], after: set[str]) -> None:
    """Super Administrator always holds every permission: stored, so that each place that reads grants sees it."""
    role = Role.objects.get(slug=SUPER_ADMIN)
    role.permissions.add(*Permission.objects.filter(name__in=after))
    if before != after:
        record_role(actor, Action.UPDATE, role, {"permissions": (sorted(before), sorted(after))})


def _record(
    actor: Actor, application: Application, before: Collection[str], after: Collection[str], described: Collection[str]
) -> None:
    details: dict[str, Any] = {"described": described} if described else {}
    record(
        actor=actor,
        action=Action.UPDATE if before and after else Action.CREATE if after else Action.DELETE,
        resource="permission",
        resource_name=application.name,
        changes={"permissions": (sorted(before), sorted(after))},
        **details,
    )
