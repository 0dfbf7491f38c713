"""Events for changes that no service recorded, but triggers captured."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from audit.capture.captured_tables import owner_field, through_model
from audit.models import Action, AuditLog, CapturedChange
from audit.presentation.changes import DATABASE_SOURCE
from audit.services import build_event
from audit.tracking.events import add_states
from audit.tracking.registry import Tracked, reference_field, resource_name, tracked_models
from reprotech.core.actors import NamedActor
from reprotech.core.request_context import RequestOrigin, request_origin

#: SQLite has no roles. No account can have a name with spaces.
UNKNOWN_ROLE = "unknown (SQLite)"

#: By resource and id.
SubjectNames = Mapping[tuple[str, str], str]


def build_events(changes: Iterable[CapturedChange]) -> list[AuditLog]:
    """One event, not yet stored, for each transaction, table, subject and kind of change."""
    groups: dict[tuple[object, ...], list[CapturedChange]] = {}
    for change in changes:
        program = (change.database_role, change.application, change.client_address)
        key = (change.transaction_id, *program, change.table_name, change.subject, _action_of(change))
        groups.setdefault(key, []).append(change)
    names = _subject_names(
        {name for found in groups.values() for change in found for name in (change.subject, *change.others.items())}
    )
    built = [(found[0].table_name, _build_event(found, names)) for found in groups.values()]
    for table in {table for table, _ in built}:
        entry, _ = _tracked_in(table)
        if entry is not None:
            # Triggers see no values, so the log would say that something changed, and not to what.
            add_states(entry, [event for name, event in built if name == table])
    return [event for _, event in built]


def _action_of(change: CapturedChange) -> Action:
    """The action by which services record such a change."""
    entry, relation = _tracked_in(change.table_name)
    if entry is None:
        return Action.UPDATE
    if relation:
        words = entry.relations[relation]
        return words.gained if change.verb == "insert" else words.lost
    if change.verb == "insert":
        return entry.created
    if change.verb == "update":
        fields = {field.column: field.name for field in entry.model._meta.concrete_fields}
        called = entry.actions.get(fields.get(change.columns, ""))
        # Triggers capture no values, so where the two differ it is unknown which it was.
        return called.gained if called and called.gained == called.lost else Action.UPDATE
    return entry.deleted or Action.DELETE


def _tracked_in(table: str) -> tuple[Tracked | None, str]:
    """The model of a table, with the relation if it is a relation's; None when it isn't tracked any more."""
    for model, entry in tracked_models().items():
        if model._meta.db_table == table:
            return entry, ""
        for name in entry.relations:
            if through_model(model, name)._meta.db_table == table:
                return entry, name
    return None, ""


def notify_caches(changes: Iterable[CapturedChange]) -> None:
    """Invalidate caches, as when the ORM makes these changes."""
    rows: dict[type[Model], list[Model]] = {}
    for change in changes:
        entry, relation = _tracked_in(change.table_name)
        if entry and change.verb != "truncate":
            rows.setdefault(entry.model, []).append(_row_of(entry.model, change, is_relation=bool(relation)))
    for model, found in rows.items():
        if on_change := tracked_models()[model].on_change:
            on_change(found, None)


def _row_of(model: type[Model], change: CapturedChange, *, is_relation: bool) -> Model:
    # The row with only its key and its owner's key.
    owner = owner_field(model)
    key = change.subject[1] if is_relation else change.row_key
    return model(pk=key, **({owner.attname: change.subject[1]} if owner else {}))


def _build_event(changes: list[CapturedChange], names: SubjectNames) -> AuditLog:
    """The event of a group of changes, which differ only in rows, columns and verbs."""
    first = changes[0]
    resource, resource_id = first.subject
    optional = {"database_role": first.database_role, "application": first.application, **_related(changes, names)}
    details: dict[str, Any] = {
        "source": DATABASE_SOURCE,
        "table": first.table_name,
        "verbs": sorted({change.verb for change in changes}),
        "columns": sorted({column for change in changes for column in change.columns.split()}),
        "rows": len(changes),
        "changed_at": min(change.changed_at for change in changes),
        "transaction": str(first.transaction_id or ""),
        **{name: value for name, value in optional.items() if value},
    }
    # Not of the request or command that runs now.
    origin = RequestOrigin(ip_address=first.client_address or "", user_agent=first.application)
    with request_origin(origin):
        return build_event(
            actor=NamedActor(f"database role {first.database_role}" if first.database_role else UNKNOWN_ROLE),
            action=_action_of(first),
            resource=resource,
            resource_id=resource_id,
            resource_name=names.get(first.subject, ""),
            **details,
        )


def _related(changes: list[CapturedChange], names: SubjectNames) -> dict[str, list[str]]:
    """What a relation gained or lost."""
    entry, relation = _tracked_in(changes[0].table_name)
    if entry is not None and entry.named:
        return {called: _referred(changes, names, entry, field) for field, called in entry.named.items()}
    if entry is None or not relation:
        return {}
    gained, lost = (
        sorted(
            {
                names.get(other) or f"number {other[1]}"
                for change in changes
                if change.verb == verb
                for other in change.others.items()
            }
        )
        for verb in ("insert", "delete")
    )
    words = entry.relations[relation]
    return {"added": gained, "removed": lost} if words.gained == words.lost else {relation: gained or lost}


def _referred(changes: Iterable[CapturedChange], names: SubjectNames, entry: Tracked, field: str) -> list[str]:
    """The names of what the changed rows refer to by a field."""
    resource = resource_name(reference_field(entry.model, field).related_model)
    found = {item for change in changes for item in change.others.items() if item[0] == resource}
    return sorted(names.get(item) or f"number {item[1]}" for item in found)


def _keys_of(model: type[Model], texts: Iterable[str]) -> Iterator[object]:
    # The valid keys: other programs may write anything into a SQLite file, which must not stop the sealer.
    field = model._meta.pk
    for text in texts:
        with suppress(ValidationError):
            yield field.clean(text, None)


def _subject_names(mentioned: Iterable[tuple[str, str]]) -> SubjectNames:
    """Current names; for deleted subjects, the name that the log used last."""
    names = {}
    left = {(resource, key) for resource, key in mentioned if key}
    for model, entry in tracked_models().items():
        if owner_field(model) is None:
            resource = resource_name(model)
            rows = model._base_manager.filter(pk__in=_keys_of(model, [key for kind, key in left if kind == resource]))
            names.update({(resource, str(row.pk)): entry.subject(row).resource_name for row in rows})
    for resource, key in left - names.keys():
        named = AuditLog.objects.filter(resource=resource, resource_id=key).exclude(resource_name="").newest_first()
        if name := named.values_list("resource_name", flat=True).first():
            names[resource, key] = name
    return names
