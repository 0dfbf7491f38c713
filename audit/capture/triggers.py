"""Change data capture: triggers note in `audit_captured_changes` whatever changes a tracked table, however it does.

They see what no code of ours runs for: SQL by hand, `psql`, rows of a relation's table, historical models in
migrations. What is captured follows from what is tracked (`audit.tracking.registry`), so `manage.py migrate` brings the
triggers in line each time. `audit.capture.settlement` makes events of what no service recorded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from django.db import connection, models, transaction
from django.db.migrations import Migration
from django.db.migrations.operations.fields import FieldOperation

from audit.capture import postgresql_triggers, sqlite_triggers
from audit.capture.captured_table import CapturedTable
from audit.models import CapturedChange
from audit.tracking.registry import tracked_models

#: Columns by which a row says that its time is over. Deleting it then takes access from nobody.
END_COLUMNS = ("ended_at", "revoked_at")


def captured_tables() -> list[CapturedTable]:
    """The tables of tracked models and of their relations, in the order of their names."""
    found = {}
    for model, entry in tracked_models().items():
        found[model._meta.db_table] = _table_of_model(model, entry.fields, are_deletions_routine=entry.deleted is None)
        for name in entry.relations:
            table = _table_of_relation(model, name)
            found[table.name] = table
    return [found[name] for name in sorted(found)]


def owner_field(model: type[models.Model]) -> Any:
    """The field by which rows belong to those of another tracked model, such as keys to users; None without one."""
    return next((field for field in model._meta.concrete_fields if field.related_model in tracked_models()), None)


def _table_of_model(model: type[models.Model], names: frozenset[str], *, are_deletions_routine: bool) -> CapturedTable:
    options: Any = model._meta
    owner = owner_field(model)
    own = (str(options.model_name), options.pk.column)
    ends = [name for name in END_COLUMNS if name in {field.name for field in options.concrete_fields}]
    return CapturedTable(
        name=options.db_table,
        key=options.pk.column,
        # Its key too: rows that exchange their keys exchange all that refers to them.
        columns=tuple(sorted({options.pk.column, *(options.get_field(name).column for name in names)})),
        subjects=(own,) if owner is None else ((_resource_name(owner.related_model), owner.column), own),
        are_deletions_captured=not are_deletions_routine,
        end_column=ends[0] if ends else "",
    )


def through_model(model: type[models.Model], relation: str) -> type[models.Model]:
    """The model of the rows that a many-to-many relation consists of."""
    field: Any = model._meta.get_field(relation)
    through: type[models.Model] = field.remote_field.through
    return through


def _table_of_relation(model: type[models.Model], name: str) -> CapturedTable:
    field: Any = model._meta.get_field(name)
    options: Any = through_model(model, name)._meta
    holder, held = field.m2m_column_name(), field.m2m_reverse_name()
    return CapturedTable(
        name=options.db_table,
        key=options.pk.column,
        columns=tuple(sorted((holder, held))),
        subjects=((_resource_name(model), holder), (_resource_name(field.related_model), held)),
    )


def _resource_name(model: Any) -> str:
    return str(model._meta.model_name)


def remove_outdated_triggers(*, plan: list[tuple[Migration, bool]], **_: Any) -> None:
    """Before migrations, remove the triggers of tables whose columns these change: neither database would allow it."""
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


def install(**_: Any) -> None:
    """Make the triggers what they should be, where their tables are there; changes nothing that is right already."""
    with transaction.atomic(), connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        if CapturedChange._meta.db_table not in present:
            return  # migrations went back to before it
        tables = [table for table in captured_tables() if _is_complete(cursor, table, present)]
        for statement in _dialect().update_statements(cursor, tables):
            cursor.execute(statement)


def _is_complete(cursor: Any, table: CapturedTable, present: set[str]) -> bool:
    if table.name not in present:
        return False
    description: Any = connection.introspection.get_table_description(cursor, table.name)
    return table.all_columns <= {column.name for column in description}


def trigger_problems() -> list[str]:
    """A sentence for each trigger of ours that is missing, switched off or altered."""
    with connection.cursor() as cursor:
        return list(_dialect().problems(cursor, captured_tables()))


@contextmanager
def suspended() -> Iterator[None]:
    """A part of a transaction in which nothing is captured: a load that one event puts on record as a whole.

    Only the owner of the tables may; the server's role in PostgreSQL can't.
    """
    dialect, tables = _dialect(), captured_tables()
    _execute(dialect.disable_statements(tables))
    yield
    _execute(dialect.enable_statements(tables))


def _execute(statements: list[str]) -> None:
    if connection.vendor == "postgresql":
        connection.check_constraints()  # it alters no table of which a check is still to come
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _dialect() -> ModuleType:
    return sqlite_triggers if connection.vendor == "sqlite" else postgresql_triggers
