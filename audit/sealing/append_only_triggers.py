"""Triggers that refuse to change or delete rows of the audit log, for migrations, the admin and manual SQL too.

They protect against accidents and a compromised web process. Against the owner of the database there is the seal:
`docs/audit.md` says which rights the server's database role needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

from django.db import ProgrammingError, connection, transaction

from reprotech.core.exceptions import Conflict

APPEND_ONLY_TABLES = ("audit_logs", "audit_leaves", "audit_nodes", "audit_keys", "audit_checkpoints")
#: Foreign triggers are reported on this table too (`audit.capture.triggers`).
CAPTURED_CHANGES_TABLE = "audit_captured_changes"
#: PostgreSQL's triggers let changes pass in a transaction that sets this to `on`.
UPKEEP_SETTING = "reprotech.audit_upkeep"
REFUSAL = "The audit log is append-only."
#: By table and verb.
SQLITE_TRIGGERS = {
    (table, verb): f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL} {verb} of {table} is refused.'); END"
    for table, verb in product(APPEND_ONLY_TABLES, ("UPDATE", "DELETE"))
}

#: PostgreSQL's error code.
INSUFFICIENT_PRIVILEGE = "42501"


class ChangeRefused(Conflict):
    """This process may not change the audit log, not even for recorded maintenance."""

    def __init__(self) -> None:
        super().__init__(
            "This database role may not change the audit log. Use the command of manage.py as the owner of its tables."
        )


FUNCTION = f"""
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('{UPKEEP_SETTING}', true) = 'on' THEN
        IF TG_OP = 'TRUNCATE' THEN
            RETURN NULL;
        ELSIF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '{REFUSAL} % of % is refused.', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

#: PostgreSQL's triggers of each table, by name: what they react to, and the same as bits of pg_trigger.tgtype.
POSTGRESQL_TRIGGERS = {
    "audit_append_only": ("BEFORE UPDATE OR DELETE ON {} FOR EACH ROW", 1 + 2 + 8 + 16),
    "audit_never_emptied": ("BEFORE TRUNCATE ON {} FOR EACH STATEMENT", 2 + 32),
}
ENABLED_TRIGGERS = """
SELECT class.relname, tgname, tgtype FROM pg_trigger
JOIN pg_class class ON class.oid = tgrelid JOIN pg_proc proc ON proc.oid = tgfoid
WHERE tgenabled IN ('O', 'A') AND tgqual IS NULL AND proname = 'audit_refuse_change'
    AND class.relnamespace = current_schema()::regnamespace
"""
#: What reacts to a change of these tables: triggers that aren't internal, and rules but for those that make views.
TRIGGERS_AND_RULES = """
SELECT class.relname, 'trigger', tgname, proname = 'audit_refuse_change' FROM pg_trigger
JOIN pg_class class ON class.oid = tgrelid JOIN pg_proc proc ON proc.oid = tgfoid
WHERE NOT tgisinternal AND class.relnamespace = current_schema()::regnamespace AND class.relname = ANY(%s)
UNION ALL
SELECT tablename, 'rule', rulename, false FROM pg_rules WHERE schemaname = current_schema() AND tablename = ANY(%s)
ORDER BY 1, 2, 3
"""


def install_statements(vendor: str) -> list[str]:
    if vendor == "sqlite":
        return list(SQLITE_TRIGGERS.values())
    triggers = [
        f"CREATE TRIGGER {name} {reaction.format(table)} EXECUTE FUNCTION audit_refuse_change()"
        for table, (name, (reaction, _)) in product(APPEND_ONLY_TABLES, POSTGRESQL_TRIGGERS.items())
    ]
    return [FUNCTION, *triggers]


def remove_statements(vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [f"DROP TRIGGER {table}_no_{verb.lower()}" for table, verb in SQLITE_TRIGGERS]
    return ["DROP FUNCTION audit_refuse_change() CASCADE"]


def missing_triggers() -> list[str]:
    """A sentence for each trigger that is missing, disabled or altered."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
            present = {row[0] for row in cursor.fetchall()}
            return [
                f"Nothing refuses {verb} of {table}: its trigger is missing."
                for (table, verb), statement in SQLITE_TRIGGERS.items()
                if statement not in present
            ]
        cursor.execute(ENABLED_TRIGGERS)
        enabled = set(cursor.fetchall())
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'audit_refuse_change'")
        sources = {row[0] for row in cursor.fetchall()}
    missing = [
        f"The trigger {name} of {table} is missing or switched off."
        for table, (name, (_, events)) in product(APPEND_ONLY_TABLES, POSTGRESQL_TRIGGERS.items())
        if (table, name, events) not in enabled
    ]
    if sources != {FUNCTION.split("$$")[1]}:
        missing.append("The function of the triggers is not the one that was installed.")
    return missing


def unknown_triggers() -> list[str]:
    """A sentence for each trigger and rule on the log's tables that this program didn't install."""
    tables = [*APPEND_ONLY_TABLES, CAPTURED_CHANGES_TABLE]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1, 2")
            ours = SQLITE_TRIGGERS.values()
            rows = [(table.lower(), name) for table, name, sql in cursor if sql not in ours]
            found = [("trigger", name, table) for table, name in rows if table in tables]
        else:
            cursor.execute(TRIGGERS_AND_RULES, [tables] * 2)
            found = [
                (kind, name, table)
                for table, kind, name, is_our_function in cursor
                if not (is_our_function and name in POSTGRESQL_TRIGGERS)
            ]
    return [
        f"The {kind} {name} of {table} is none of this program's. Find out who made it." for kind, name, table in found
    ]


def has_update_right() -> bool:
    """Whether the database role has the right without which `suspended` raises ChangeRefused."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('audit_logs', 'UPDATE')")
        return bool(cursor.fetchone()[0])


@contextmanager
def suspended() -> Iterator[None]:
    """A transaction in which rows may be changed: for maintenance that is itself recorded and sealed, and for tests.

    Raises ChangeRefused when the database role lacks the right.
    """
    if connection.vendor == "sqlite":
        off, on = remove_statements("sqlite"), install_statements("sqlite")
    else:
        off, on = [f"SET LOCAL {UPKEEP_SETTING} = 'on'"], [f"SET LOCAL {UPKEEP_SETTING} = 'off'"]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in off:
                cursor.execute(statement)
            yield
            for statement in on:
                cursor.execute(statement)
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") == INSUFFICIENT_PRIVILEGE:
            raise ChangeRefused from error
        raise
