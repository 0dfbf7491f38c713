"""Triggers that refuse to change or delete what the audit log holds, also to migrations, the admin and SQL by hand.

They guard against accidents, and against a web process gone wrong. Against whoever owns the database there is the
seal: `docs/audit.md` tells which rights the web's database role needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import ProgrammingError, connection, transaction

TABLES = ("audit_logs", "audit_leaves", "audit_nodes", "audit_keys", "audit_checkpoints")
#: While it is on, within one transaction, PostgreSQL's triggers let changes pass.
SWITCH = "reprotech.audit_upkeep"
VERBS = ("UPDATE", "DELETE")
REFUSAL = "The audit log is append-only."

#: PostgreSQL's code for a right that the role lacks.
NO_RIGHT = "42501"


class ChangeRefused(Exception):
    """This process may not change the audit log, not even on record."""

    def __init__(self) -> None:
        super().__init__(
            "This database role may not change the audit log. Use the command of manage.py as the owner of its tables."
        )


FUNCTION = f"""
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('{SWITCH}', true) = 'on' THEN
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


def install(vendor: str) -> list[str]:
    """The statements that make the triggers."""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {_name(table, verb)} BEFORE {verb} ON {table} BEGIN {_refuse(table, verb)} END"
            for table in TABLES
            for verb in VERBS
        ]
    run = "EXECUTE FUNCTION audit_refuse_change()"
    changes = [
        f"CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {run}" for table in TABLES
    ]
    truncations = [
        f"CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {run}" for table in TABLES
    ]
    return [FUNCTION, *changes, *truncations]


def remove(vendor: str) -> list[str]:
    """The statements that take the triggers away."""
    if vendor == "sqlite":
        return [f"DROP TRIGGER {_name(table, verb)}" for table in TABLES for verb in VERBS]
    return ["DROP FUNCTION audit_refuse_change() CASCADE"]


@contextmanager
def suspended() -> Iterator[None]:
    """A transaction in which rows may be changed: for upkeep that is itself put on record and sealed, and for tests.

    Raises ChangeRefused when the database role lacks the right.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                _run(cursor, remove("sqlite"))
            else:
                cursor.execute("SELECT set_config(%s, 'on', true)", [SWITCH])
            yield
            if connection.vendor == "sqlite":
                _run(cursor, install("sqlite"))
            else:
                cursor.execute("SELECT set_config(%s, 'off', true)", [SWITCH])
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") == NO_RIGHT:
            raise ChangeRefused from error
        raise


def _name(table: str, verb: str) -> str:
    return f"{table}_no_{verb.lower()}"


def _refuse(table: str, verb: str) -> str:
    return f"SELECT RAISE(ABORT, '{REFUSAL} {verb} of {table} is refused.');"


def _run(cursor: Any, statements: list[str]) -> None:
    for statement in statements:
        cursor.execute(statement)
