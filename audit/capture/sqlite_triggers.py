"""The triggers that capture changes in SQLite.

SQLite has neither roles nor transaction ids. Our own connections number their transactions (`reprotech.db.sqlite`), and
temporary triggers, which other programs don't have, add the number to captured changes and record it for events.
"""

import sqlite3
from collections.abc import Iterable

from django.db.backends.utils import CursorWrapper

from audit.capture.captured_tables import CapturedTable

TRIGGER_PREFIX = "audit_capture_"
#: What `trigger_problems` calls a trigger that does nothing.
MISSING = "missing"
SELECT_TRIGGERS = (
    r"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit\_capture\_%' ESCAPE '\'"
)
#: For our own connections alone.
CONNECTION_TRIGGERS = (
    """
    CREATE TEMP TRIGGER IF NOT EXISTS audit_number_change AFTER INSERT ON main.audit_captured_changes
    WHEN NEW.transaction_id IS NULL BEGIN
        UPDATE audit_captured_changes SET transaction_id = reprotech_transaction() WHERE id = NEW.id;
    END
    """,
    """
    CREATE TEMP TRIGGER IF NOT EXISTS audit_number_event AFTER INSERT ON main.audit_logs
    WHEN reprotech_transaction() IS NOT NULL BEGIN
        INSERT INTO audit_captured_changes (
            transaction_id, changed_at, database_role, application, table_name, row_key, subjects, verb, columns
        ) VALUES (reprotech_transaction(), CURRENT_TIMESTAMP, '', '', 'audit_logs', NEW.id, '', 'event', '');
    END
    """,
)
DROP_EVENT_TRIGGER = "DROP TRIGGER IF EXISTS temp.audit_number_event"


def install_connection_triggers(connection: sqlite3.Connection) -> None:
    """Make this driver connection record its transaction numbers."""
    try:
        for statement in CONNECTION_TRIGGERS:
            connection.execute(statement)
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        # The database isn't migrated yet, or no longer.
        connection.execute(DROP_EVENT_TRIGGER)


def present_triggers(cursor: CursorWrapper) -> dict[tuple[str, str], tuple[bool, str]]:
    """Our triggers by table, which their names contain, and name: enabled, as all of SQLite's are, and their text."""
    cursor.execute(SELECT_TRIGGERS)
    return {(name.removeprefix(TRIGGER_PREFIX).rpartition("_")[0], name): (True, text) for name, text in cursor}


def normalized(text: str) -> str:
    return text


def drop_statement(_table: str, name: str) -> str:
    return f"DROP TRIGGER {name}"


def disable_statements(tables: Iterable[CapturedTable]) -> list[str]:
    """The statements that switch capturing off for this transaction."""
    of_tables = [drop_statement(table.name, name) for table in tables for name in trigger_statements(table)]
    return [*of_tables, DROP_EVENT_TRIGGER]


def enable_statements(tables: Iterable[CapturedTable]) -> list[str]:
    return [*CONNECTION_TRIGGERS, *(text for table in tables for text in trigger_statements(table).values())]


def trigger_statements(table: CapturedTable) -> dict[str, str]:
    differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in table.columns)
    ends = f" WHEN OLD.{table.end_column} IS NULL" if table.end_column else ""
    bodies = {
        "insert": ("AFTER INSERT", "", _capture(table, "insert", "NEW")),
        "update": ("AFTER UPDATE", f" WHEN {differs}", _capture_update(table)),
        "delete": ("AFTER DELETE", ends, _capture(table, "delete", "OLD")),
    }
    if not table.columns:
        del bodies["update"]
    if not table.are_deletions_captured:
        del bodies["delete"]
    statements = {}
    for verb, (when, condition, body) in bodies.items():
        name = f"{TRIGGER_PREFIX}{table.name}_{verb}"
        statements[name] = f"CREATE TRIGGER {name} {when} ON {table.name}{condition} BEGIN {body} END"
    return statements


def _capture_update(table: CapturedTable) -> str:
    # Moving a row to another subject is captured as a loss for one subject and a gain for the other.
    keys = sorted({column for _, column in table.subjects} & set(table.columns))
    changed = " || ".join(
        f"CASE WHEN OLD.{name} IS NOT NEW.{name} THEN ' {name}' ELSE '' END" for name in table.columns
    )
    if not keys:
        return _capture(table, "update", "NEW", changed)
    stays = " AND ".join(f"OLD.{name} IS NEW.{name}" for name in keys)
    return (
        _capture(table, "update", "NEW", changed, stays)
        + _capture(table, "delete", "OLD", changed, f"NOT ({stays})")
        + _capture(table, "insert", "NEW", changed, f"NOT ({stays})")
    )


def _capture(table: CapturedTable, verb: str, row: str, changed: str = "", condition: str = "") -> str:
    # A row without an owner is about itself alone.
    parts = (f"coalesce('{resource}:' || {row}.{column} || ' ', '')" for resource, column in table.subjects)
    subjects = f"trim({' || '.join(parts)})"
    columns = f"trim({changed})" if changed else f"'{' '.join(table.columns)}'"
    where = f" WHERE {condition}" if condition else ""
    return (
        "INSERT INTO audit_captured_changes (changed_at, database_role, application, table_name, row_key, subjects, "
        f"verb, columns) SELECT strftime('%Y-%m-%d %H:%M:%f', 'now'), '', '', '{table.name}', "
        f"{row}.{table.key}, {subjects}, '{verb}', {columns}{where};"
    )


def function_statements(_cursor: CursorWrapper) -> list[str]:
    return []


def function_problems(_cursor: CursorWrapper) -> list[str]:
    return []
