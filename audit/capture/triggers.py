"""Change data capture: triggers record in `audit_captured_changes` every change of a tracked table.

They see what runs no code of ours: manual SQL, `psql`, rows of relations, historical models in migrations. What is
captured follows from what is tracked (`audit.tracking.registry`), so `manage.py migrate` updates the triggers each
time. `audit.capture.settlement` turns what no service recorded into events.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations import Migration
from django.db.migrations.operations.fields import FieldOperation

from audit.capture import postgresql_triggers, sqlite_triggers
from audit.capture.captured_table import CapturedTable
from audit.models import CapturedChange
from audit.tracking.registry import column_field, relation_field, tracked_models

#: Columns that mark a row as ended; deleting it then revokes nobody's access.
END_COLUMNS = ("ended_at", "revoked_at")


def captured_tables() -> list[CapturedTable]:
    """The tables of tracked models and of their relations, sorted by name."""
    found = {}
    for model, entry in tracked_models().items():
        found[model._meta.db_table] = _table_of_model(model, entry.fields, are_deletions_routine=entry.deleted is None)
        for name in entry.relations:
            table = _table_of_relation(model, name)
            found[table.name] = table
    return [found[name] for name in sorted(found)]


def owner_field(model: type[models.Model]) -> "models.ForeignKey[models.Model, models.Model] | None":
    """The foreign key to another tracked model, such as from keys to users; None without one."""
    keys = (field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey))
    return next((key for key in keys if key.related_model in tracked_models()), None)


def _table_of_model(model: type[models.Model], names: frozenset[str], *, are_deletions_routine: bool) -> CapturedTable:
    options = model._meta
    key, owner = str(options.pk.column), owner_field(model)
    own = (str(options.model_name), key)
    ends = [name for name in END_COLUMNS if name in {field.name for field in options.concrete_fields}]
    return CapturedTable(
        name=options.db_table,
        key=key,
        # The key too: rows that swap keys swap all that refers to them.
        columns=tuple(sorted({key, *(str(column_field(model, name).column) for name in names)})),
        subjects=(own,) if owner is None else ((_resource_name(owner.related_model), str(owner.column)), own),
        are_deletions_captured=not are_deletions_routine,
        end_column=ends[0] if ends else "",
    )


def through_model(model: type[models.Model], relation: str) -> type[models.Model]:
    """The model of a many-to-many relation's rows."""
    return cast("type[models.Model]", relation_field(model, relation).remote_field.through)


def _table_of_relation(model: type[models.Model], name: str) -> CapturedTable:
    field = relation_field(model, name)
    options = through_model(model, name)._meta
    holder, held = field.m2m_column_name(), field.m2m_reverse_name()
    return CapturedTable(
        name=options.db_table,
        key=str(options.pk.column),
        columns=tuple(sorted((holder, held))),
        subjects=((_resource_name(model), holder), (_resource_name(field.related_model), held)),
    )


def _resource_name(model: type[models.Model]) -> str:
    return str(model._meta.model_name)


def remove_outdated_triggers(*, plan: list[tuple[Migration, bool]], **_: object) -> None:
    """Before migrations, drop the triggers of tables whose columns change: otherwise both databases refuse."""
    touched = {
        (migration.app_label, operation.model_name_lower)
        for migration, _ in plan
        for operation in migration.operations
        if isinstance(operation, FieldOperation)
    }
    names = set()
    for model, entry in tracked_models().items():
        if (model._meta.app_label, model._meta.model_name) in touched:
            names |= {model._meta.db_table, *(through_model(model, name)._meta.db_table for name in entry.relations)}
    if names:
        with transaction.atomic(), connection.cursor() as cursor:
            _execute(list(_dialect().removal_statements(cursor, names)))


def install(**_: object) -> None:
    """Create or update the triggers of existing tables."""
    with transaction.atomic(), connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        if CapturedChange._meta.db_table not in present:
            return  # migrated back to a version without it
        tables = [table for table in captured_tables() if _is_complete(cursor, table, present)]
        for statement in _dialect().update_statements(cursor, tables):
            cursor.execute(statement)


def _is_complete(cursor: CursorWrapper, table: CapturedTable, present: set[str]) -> bool:
    if table.name not in present:
        return False
    description = connection.introspection.get_table_description(cursor, table.name)
    return table.all_columns <= {column.name for column in description}


def trigger_problems() -> list[str]:
    """A sentence for each trigger that is missing, disabled or altered."""
    with connection.cursor() as cursor:
        return list(_dialect().problems(cursor, captured_tables()))


@contextmanager
def suspended() -> Iterator[None]:
    """Switch capturing off for a part of a transaction, for a load that one event records as a whole.

    Only the owner of the tables may do this; the server's role in PostgreSQL can't.
    """
    dialect, tables = _dialect(), captured_tables()
    _execute(dialect.disable_statements(tables))
    yield
    _execute(dialect.enable_statements(tables))


def _execute(statements: list[str]) -> None:
    if connection.vendor == "postgresql":
        connection.check_constraints()  # PostgreSQL alters no table with pending constraint checks
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _dialect() -> ModuleType:
    return sqlite_triggers if connection.vendor == "sqlite" else postgresql_triggers
