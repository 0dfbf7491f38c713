"""Events about changes that django-auditlog or a TrackedQuerySet noticed: in services' words, with `source: "orm"`."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from auditlog.context import auditlog_disabled
from auditlog.diff import model_instance_diff
from django.contrib.auth import get_user_model
from django.db import connections, models

from audit.models import Action, AuditLog
from audit.services import Changes, build_event, is_secret_name, record_events
from audit.tracking.registry import Subject, Tracked, column_field, registry, relation_field
from audit.tracking.subject_locks import lock_subjects
from reprotech.core.actors import Actor, NamedActor, System
from reprotech.core.request_context import current_origin, current_principal

ORM_SOURCE = "orm"
#: Times that stand for a state: events show the state.
STATE_COLUMNS = {
    "locked_at": "locked",
    "deleted_at": "deleted",
    "revoked_at": "revoked",
    "ended_at": "ended",
    "retired_at": "retired",
}

Pair = tuple[object, object]


def tracked_columns(model: type[models.Model]) -> frozenset[str]:
    """The names under which a caller may give the tracked fields of a model."""
    return _tracked_columns(model) if model in registry else frozenset()


@cache
def _tracked_columns(model: type[models.Model]) -> frozenset[str]:
    names = registry[model].all_fields
    return names | {field.attname for field in model._meta.concrete_fields if field.name in names}


def record_differences(action: Action, pairs: Iterable[tuple[models.Model | None, models.Model | None]]) -> None:
    """Record how rows differ, as (before, after); None where the row doesn't exist."""
    events: list[AuditLog] = []
    found, actor = None, _current_actor()
    for old, new in pairs:
        changes = model_instance_diff(old, new, use_json_for_changes=True)
        if changes and (row := new or old):
            events += _events_of(actor, row, action, changes)
            found = registry[type(row)]
    _record_built(events, found)


def notify_listener(
    model: type[models.Model], rows: Iterable[models.Model], columns: Collection[str] | None = None
) -> None:
    """Tell a model's listener of changes before they commit, also of changes that services record."""
    found = registry.get(model)
    if found is not None and found.on_change:
        found.on_change(rows, columns)


def record_row(instance: models.Model, *, action: Action, changes: dict[str, Pair], **_: object) -> AuditLog | None:
    """Record a row's change that django-auditlog saw; an update is recorded as soon as it is stored."""
    if not changes:
        return None
    if action == Action.UPDATE:
        # django-auditlog compares before the row is saved, which may still fail.
        vars(instance)["_tracked_changes"] = changes
        return None
    if action == Action.DELETE and _belongs_to_deletion(instance):
        return None
    return _record_built(_events_of(_current_actor(), instance, action, changes), registry[type(instance)])


def before_save(sender: type[models.Model], instance: models.Model, using: str, **_: object) -> None:
    """Compare a new object that has the key of a stored row, such as a fixture's, with that row.

    django-auditlog sees neither a creation nor a change in it.
    """
    vars(instance).pop("_tracked_changes", None)
    vars(instance).pop("_tracked_before", None)
    if auditlog_disabled.get() or instance.pk is None:
        return
    rows = sender._base_manager.using(using).filter(pk=instance.pk)
    # Locked, so that the row compared is the row overwritten.
    stored = (rows.select_for_update() if connections[using].in_atomic_block else rows).first()
    vars(instance)["_tracked_before"] = stored
    if stored is not None and instance._state.adding:
        vars(instance)["_tracked_changes"] = model_instance_diff(stored, instance, use_json_for_changes=True)


def after_save(
    sender: type[models.Model],
    instance: models.Model,
    created: bool,
    update_fields: Collection[str] | None = None,
    **_: object,
) -> None:
    changes = vars(instance).pop("_tracked_changes", None)
    before = vars(instance).pop("_tracked_before", None)
    if created:
        return
    notify_listener(sender, [row for row in (before, instance) if row], update_fields)
    if changes:
        _record_built(_events_of(_current_actor(), instance, Action.UPDATE, changes), registry[sender])


def before_delete(sender: type[models.Model], instance: models.Model, using: str, origin: object, **_: object) -> None:
    """Notify the listener; note the relations that go too, and whether the row exists at all."""
    notify_listener(sender, [instance])
    if auditlog_disabled.get():
        return
    relations = {name: sorted(map(str, getattr(instance, name).all())) for name in registry[sender].relations}
    relations |= _named_by_owned_rows(sender, instance)
    vars(instance)["_tracked_origin"] = origin
    vars(instance)["_tracked_relations"] = {name: found for name, found in relations.items() if found}
    if origin is instance:
        stored = sender._base_manager.using(using).select_for_update().filter(pk=instance.pk)
        vars(instance)["_tracked_is_gone"] = not list(stored.values_list("pk"))


def _named_by_owned_rows(model: type[models.Model], instance: models.Model) -> dict[str, list[str]]:
    """What rows that go with this one refer to, such as the roles that a user was given."""
    found: dict[str, list[str]] = {}
    for owned, entry in registry.items():
        for field, called in entry.named.items():
            owners = [key.name for key in owned._meta.concrete_fields if key.related_model is model]
            if owners and field not in owners:
                rows = owned._base_manager.filter(**{owners[0]: instance.pk}).select_related(field)
                found[called] = sorted({str(getattr(row, field)) for row in rows})
    return found


def _belongs_to_deletion(instance: models.Model) -> bool:
    """Whether a row needs no event: it didn't exist, or it was deleted with another, whose event counts it."""
    if vars(instance).pop("_tracked_is_gone", False):
        return True
    origin = vars(instance).get("_tracked_origin")
    owner = origin.model if isinstance(origin, models.QuerySet) else type(origin)
    if origin is None or owner is type(instance) or owner not in registry:
        return False
    for field in instance._meta.concrete_fields:
        if field.related_model is owner and field.remote_field and field.remote_field.on_delete is models.CASCADE:
            counts = vars(origin).setdefault("_tracked_with", {}).setdefault(getattr(instance, field.attname), {})
            table = instance._meta.db_table
            counts[table] = counts.get(table, 0) + 1
            return True
    return False


def record_relation(
    changed: Iterable[models.Model], instance: models.Model, operation: str, name: str
) -> AuditLog | None:
    """Record what a relation gained or lost, whichever side was changed."""
    gone = vars(instance).pop(f"_tracked_removed_{name}", None) if operation == "delete" else None
    others: Collection[models.Model] = list(changed) if gone is None else gone
    found = _tracked_with_relation(name, instance)
    if not others or found is None:
        return None
    owners, named = ([instance], others) if isinstance(instance, found.model) else (others, [instance])
    action = found.relations[name].gained if operation == "add" else found.relations[name].lost
    # From the database: the objects at hand may hold the relation as it was before.
    stored = found.model._base_manager.filter(pk__in=[owner.pk for owner in owners]).prefetch_related(name)
    names = {str(row) for row in named}
    actor = _current_actor()
    events = []
    for owner in stored.order_by("pk"):
        now = {str(row) for row in getattr(owner, name).all()}
        before = now - names if operation == "add" else now | names
        more = {} if action == Action.UPDATE else {name: sorted(names)}
        changes = {name: (sorted(before), sorted(now))}
        events.append(_orm_event(actor, action, found.subject(owner), changes, **more))
    return _record_built(events, found)


def before_relation_changes(
    model: type[models.Model],
    name: str,
    /,
    *,
    action: str,
    instance: models.Model,
    reverse: bool,
    pk_set: set[object] | None,
    **_: object,
) -> None:
    """Notify the listener, and remember what a relation loses.

    Afterwards django-auditlog names rows that it never had, and at `clear` all rows.
    """
    if action not in {"pre_add", "pre_clear", "pre_remove"} or pk_set == set():
        return
    accessor = str(relation_field(model, name).remote_field.get_accessor_name()) if reverse else name
    held = getattr(instance, accessor).all()
    others = held if pk_set is None else held.model._base_manager.filter(pk__in=pk_set)
    notify_listener(model, others if reverse else [instance])
    if action != "pre_add" and not auditlog_disabled.get():
        vars(instance)[f"_tracked_removed_{name}"] = list(held if pk_set is None else held.filter(pk__in=pk_set))


def _tracked_with_relation(name: str, instance: models.Model) -> Tracked | None:
    for found in registry.values():
        if name in found.relations:
            other = relation_field(found.model, name).related_model
            if isinstance(instance, (found.model, other)):
                return found
    return None


def _events_of(actor: Actor | None, instance: models.Model, action: Action, changes: dict[str, Pair]) -> list[AuditLog]:
    found = registry[type(instance)]
    called = _action_for(found, action, changes)
    if called is None:
        return []
    if action != Action.UPDATE:
        changes = {name: pair for name, pair in changes.items() if not _is_implied(found, name, pair)}
    shown, concealed = _visible_changes(found, changes)
    more: dict[str, object] = {}
    if called == Action.UPDATE != action:
        more["row"] = "created" if action == Action.CREATE else "deleted"
    if action == Action.DELETE:
        shown |= {name: (held, []) for name, held in vars(instance).pop("_tracked_relations", {}).items()}
        origin = vars(instance).pop("_tracked_origin", None)
        counts = vars(origin).get("_tracked_with", {}).get(instance.pk) if origin is not None else None
        more |= {"deleted_with": counts} if counts else {}
    if concealed:
        more["concealed"] = concealed
    return [_orm_event(actor, called, found.subject(instance), shown, **more)]


def _is_implied(found: Tracked, name: str, pair: Pair) -> bool:
    """Whether a value of a new or deleted row is a column's default, or the owner, which the event names anyway."""
    field = column_field(found.model, name)
    if field.remote_field:
        return field.remote_field.on_delete is models.CASCADE
    return field.default is False and not any(pair)


def _action_for(found: Tracked, action: Action, changes: Mapping[str, Pair]) -> Action | None:
    if action == Action.CREATE:
        return found.created
    if action == Action.DELETE:
        return found.deleted
    name = next(iter(changes))
    if len(changes) > 1 or name not in found.actions:
        return action
    return found.actions[name].gained if changes[name][1] else found.actions[name].lost


def _orm_event(actor: Actor | None, action: Action, subject: Subject, changes: Changes, **details: Any) -> AuditLog:
    return build_event(
        actor=actor,
        action=action,
        resource=subject.resource,
        resource_id=subject.resource_id,
        resource_name=subject.resource_name,
        changes=changes,
        source=ORM_SOURCE,
        **{**subject.details, **details},
    )


def _visible_changes(found: Tracked, changes: Mapping[str, Pair]) -> tuple[dict[str, Pair], list[str]]:
    """The changes as services show them, and the names of fields whose values stay hidden."""
    shown: dict[str, Pair] = {}
    concealed = []
    for name in sorted(changes):
        old, new = changes[name]
        field = found.model._meta.get_field(name)
        if name in found.concealed or is_secret_name(name):
            concealed.append(name)
        elif name in STATE_COLUMNS:
            if old != new and (old or new):
                shown[STATE_COLUMNS[name]] = (old is not None, new is not None)
        elif not all(value in (None, "", []) for value in (old, new)):
            is_time = isinstance(field, models.DateTimeField)
            shown[name] = (_utc_text(old), _utc_text(new)) if is_time else (old, new)
    return shown, concealed


def _utc_text(text: object) -> object:
    """A time as the API writes it; django-auditlog omits the time zone, UTC."""
    if not isinstance(text, str) or not text:
        return text
    return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


def add_states(found: Tracked, events: Collection[AuditLog]) -> None:
    """Say in events about rows of a model what is so after them, where it declares that."""
    if found.states and events:
        states = found.states([event.resource_id for event in events])
        for event in events:
            if event.resource_id in states:
                event.details["state"] = states[event.resource_id]


def _current_actor() -> Actor | None:
    """The user of the current request, None for an anonymous one; outside of requests the system."""
    if not current_origin().request_id:
        return System()
    user_id = current_principal().user_id
    if user_id is None:
        return None
    user = get_user_model()._base_manager.filter(pk=user_id).first()
    return user or NamedActor("", user_id)  # their account is gone by now


def _record_built(events: list[AuditLog], found: Tracked | None) -> AuditLog | None:
    if found is not None and found.states:
        lock_subjects(events)
        add_states(found, events)
    record_events(events)
    return events[-1] if events else None
