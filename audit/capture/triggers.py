"""Change data capture: triggers record in `audit_captured_changes` every change of a tracked table.

They see what runs no code of ours: manual SQL, `psql`, rows of relations, historical models in migrations. `manage.py
migrate` updates them each time (`audit.capture.captured_tables`). `audit.capture.settlement` turns what no service
recorded into events.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations import Migration
from django.db.migrations.operations.fields import FieldOperation

from audit.capture import postgresql_triggers, sqlite_triggers
from audit.capture.captured_tables import CapturedTable, captured_tables, through_model
from audit.models import CapturedChange
from audit.tracking.registry import tracked_models


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
        dialect = _dialect()
        with transaction.atomic(), connection.cursor() as cursor:
            found = dialect.present_triggers(cursor)
            _execute([dialect.drop_statement(table, name) for table, name in found if table in names])


def install(**_: object) -> None:
    """Create or update the triggers of existing tables."""
    with transaction.atomic(), connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        if CapturedChange._meta.db_table not in present:
            return  # migrated back to a version without it
        tables = [table for table in captured_tables() if _is_complete(cursor, table, present)]
        for statement in [*_dialect().function_statements(cursor), *_update_statements(cursor, tables)]:
            cursor.execute(statement)


def _is_complete(cursor: CursorWrapper, table: CapturedTable, present: set[str]) -> bool:
    if table.name not in present:
        return False
    description = connection.introspection.get_table_description(cursor, table.name)
    return table.all_columns <= {column.name for column in description}


def _update_statements(cursor: CursorWrapper, tables: Iterable[CapturedTable]) -> Iterator[str]:
    """The statements that create, replace, enable and drop triggers as needed."""
    dialect = _dialect()
    found = dialect.present_triggers(cursor)
    wanted = {(table.name, name): text for table in tables for name, text in dialect.trigger_statements(table).items()}
    yield from (dialect.drop_statement(*key) for key in found.keys() - wanted.keys())
    for key, text in wanted.items():
        is_on, present_text = found.get(key, (False, ""))
        if present_text != dialect.normalized(text):
            if present_text:
                yield dialect.drop_statement(*key)
            yield text
        elif not is_on:
            yield dialect.switch_statement(*key, "ENABLE")


def trigger_problems() -> list[str]:
    """A sentence for each trigger or function that is missing, disabled, altered or none of ours."""
    dialect, problems = _dialect(), []
    with connection.cursor() as cursor:
        found = dialect.present_triggers(cursor)
        for table in captured_tables():
            for name, text in dialect.trigger_statements(table).items():
                trigger = f"The trigger {name} of {table.name}"
                is_on, present_text = found.pop((table.name, name), (False, ""))
                if not is_on:
                    problems.append(f"{trigger} is {dialect.MISSING}: not all changes are captured.")
                elif present_text != dialect.normalized(text):
                    problems.append(f"{trigger} is not the one that was installed.")
        for table_name, name in sorted(found):
            whose = f" of {table_name}" if connection.vendor == "postgresql" else ""
            problems.append(f"The trigger {name}{whose} is none of this program's. Find out who made it.")
        return [*problems, *dialect.function_problems(cursor)]


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
