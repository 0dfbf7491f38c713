"""Creates, changes and deletes exclusions."""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.access.authorization import Target, authorize, service
from accounts.access.optimistic_locking import refuse_stale_version
from accounts.core.model_fields import stored_form
from accounts.exclusions.loosening import allows_more, refuse_those_bound
from accounts.exclusions.sets import find_sets, store_set
from accounts.models import Exclusion
from accounts.permissions import ROLE_UPDATE
from accounts.segregation.locks import lock_rights_of_roles
from audit.models import Action
from audit.services import Changes, record
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication

#: Each is compared with every change of rights.
MAX_EXCLUSIONS = 100
NAME_TAKEN = "There is an exclusion of this name already."


@service
def create_exclusion(
    *,
    actor: Actor,
    name: str,
    set_a: Collection[str],
    set_b: Collection[str],
    mode: str = Exclusion.Mode.REFUSE,
    reason: str = "",
) -> Exclusion:
    """Create an exclusion of these roles and permissions (names). What people hold already stays as it is.

    Raises Forbidden, ValidationFailed, or Conflict for a taken name.
    """
    authorize(actor, ROLE_UPDATE, Target("exclusion", name=name))
    require_recent_authentication()
    first, second = find_sets(set_a, set_b)
    lock_rights_of_roles()
    if Exclusion.objects.count() >= MAX_EXCLUSIONS:
        raise Conflict(f"There are {MAX_EXCLUSIONS} exclusions, and no more are possible. Delete one first.")
    exclusion = Exclusion(mode=mode, **_stored({"name": name, "reason": reason}))
    _save(exclusion)
    store_set(exclusion, "a", first)
    store_set(exclusion, "b", second)
    changes = {field: (None, getattr(exclusion, field)) for field in ("name", "mode", "reason")}
    record_exclusion(
        actor, Action.CREATE, exclusion, {**changes, "set_a": ([], first.names), "set_b": ([], second.names)}
    )
    return exclusion


@service
def update_exclusion(
    *,
    actor: Actor,
    exclusion_id: int,
    set_a: Collection[str] | None = None,
    set_b: Collection[str] | None = None,
    expected_versions: Collection[str] = (),
    **fields: str,
) -> Exclusion:
    """Change `name`, `mode`, `reason` and the sets. With other sets, exceptions have to be approved again.

    Raises NotFound, Forbidden, ValidationFailed, Conflict, ExclusionBindsActor for what allows more, or StaleVersion
    unless the exclusion is still as one of `expected_versions`.
    """
    exclusion = lock_exclusion(actor, exclusion_id)
    refuse_stale_version(actor, exclusion, expected_versions)
    fields = _stored(fields)
    changes: dict[str, tuple[object, object]] = {
        name: (getattr(exclusion, name), new) for name, new in fields.items() if getattr(exclusion, name) != new
    }
    old = {"set_a": exclusion.set_a, "set_b": exclusion.set_b}
    chosen = find_sets(old["set_a"] if set_a is None else set_a, old["set_b"] if set_b is None else set_b)
    for field, found in zip(old, chosen, strict=True):
        if {*found.names} != {*old[field]}:
            changes[field] = (old[field], found.names)
    if not changes:
        return exclusion
    if allows_more(changes):
        refuse_those_bound(actor, exclusion)
    require_recent_authentication()
    lock_rights_of_roles()
    for name, new in fields.items():
        setattr(exclusion, name, new)
    _save(exclusion)
    details: dict[str, int] = {}
    if changes.keys() & old.keys():
        for side, found in zip(Exclusion.SIDES, chosen, strict=True):
            store_set(exclusion, side, found)
        # They were approved for other sets.
        approved = exclusion.exceptions.filter(approved_at__isnull=False)
        if count := approved.update(approved_at=None, approved_by=None):
            details["exceptions_to_approve"] = count
    record_exclusion(actor, Action.UPDATE, exclusion, changes, **details)
    return Exclusion.objects.with_sets().get(pk=exclusion.pk)


@service
def delete_exclusion(*, actor: Actor, exclusion_id: int, expected_versions: Collection[str] = ()) -> None:
    """Delete an exclusion and its exceptions. Raises NotFound, Forbidden, StaleVersion or ExclusionBindsActor."""
    exclusion = lock_exclusion(actor, exclusion_id)
    refuse_stale_version(actor, exclusion, expected_versions)
    refuse_those_bound(actor, exclusion)
    require_recent_authentication()
    changes = {field: (getattr(exclusion, field), None) for field in ("name", "mode", "reason")}
    # First: deleting it removes the sets that the event lists.
    record_exclusion(
        actor,
        Action.DELETE,
        exclusion,
        {**changes, "set_a": (exclusion.set_a, []), "set_b": (exclusion.set_b, [])},
    )
    exclusion.delete()


def lock_exclusion(actor: Actor, exclusion_id: int) -> Exclusion:
    """The exclusion, locked until the transaction ends, if `actor` may change it. Raises Forbidden or NotFound."""
    found = Exclusion.objects.with_sets().select_for_update(no_key=True).filter(pk=exclusion_id).first()
    authorize(actor, ROLE_UPDATE, Target("exclusion", exclusion_id))
    if found is None:
        raise NotFound("exclusion")
    return found


def _stored(fields: dict[str, str]) -> dict[str, str]:
    return {name: stored_form(Exclusion, name, " ".join(value.split())) for name, value in fields.items()}


def _save(exclusion: Exclusion) -> None:
    try:
        exclusion.clean_fields()
    except ValidationError as error:
        raise ValidationFailed(error.message_dict) from None
    # Python's fold, as SQLite's knows ASCII alone.
    others = Exclusion.objects.exclude(pk=exclusion.pk).values_list("name", flat=True)
    if exclusion.name.casefold() in {name.casefold() for name in others}:
        raise Conflict(NAME_TAKEN, {"name": [NAME_TAKEN]})
    try:
        with transaction.atomic():
            exclusion.save()
    except IntegrityError:
        raise Conflict(NAME_TAKEN, {"name": [NAME_TAKEN]}) from None


def record_exclusion(
    actor: Actor, action: Action, exclusion: Exclusion, changes: Changes | None = None, **details: Any
) -> None:
    record(
        actor=actor,
        action=action,
        resource="exclusion",
        resource_id=exclusion.pk,
        resource_name=exclusion.name,
        changes=changes,
        session_id=None,  # that of the request
        **details,
    )
