"""The triggers that capture changes in PostgreSQL.

Their function runs with the rights of the tables' owner, so the server's role can't add, change or remove captured
changes. Unlike the append-only triggers, no setting disables them.
"""

import re
from collections.abc import Iterable, Iterator

from django.db.backends.utils import CursorWrapper

from audit.capture.captured_tables import CapturedTable

CAPTURE_FUNCTION, REMOVE_FUNCTION = "audit_capture_change", "audit_remove_captured_changes"
#: What `trigger_problems` calls a trigger that does nothing.
MISSING = "missing or switched off"

#: Arguments of the trigger: subjects (`user=user_id role=role_id`), the key column, and the columns.
CAPTURE_BODY = """
DECLARE
    old_row jsonb := CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) END;
    new_row jsonb := CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN to_jsonb(NEW) END;
    old_subjects text; new_subjects text; changed text; subject text; part text[]; verb text;
BEGIN
    FOREACH subject IN ARRAY string_to_array(TG_ARGV[0], ' ') LOOP
        part := string_to_array(subject, '=');
        old_subjects := concat_ws(' ', old_subjects, part[1] || ':' || (old_row ->> part[2]));
        new_subjects := concat_ws(' ', new_subjects, part[1] || ':' || (new_row ->> part[2]));
    END LOOP;
    SELECT string_agg(name, ' ' ORDER BY name) INTO changed FROM unnest(string_to_array(TG_ARGV[2], ' ')) AS name
    WHERE old_row -> name IS DISTINCT FROM new_row -> name;
    FOREACH verb IN ARRAY CASE
        -- An update that moves a row to another subject is a loss for the one and a gain for the other.
        WHEN TG_OP = 'UPDATE' AND old_subjects <> new_subjects THEN ARRAY['delete', 'insert'] ELSE ARRAY[lower(TG_OP)]
    END LOOP
        INSERT INTO audit_captured_changes (
            transaction_id, changed_at, database_role, application, client_address,
            table_name, row_key, subjects, verb, columns
        ) VALUES (
            pg_current_xact_id()::text::bigint, clock_timestamp(), session_user, current_setting('application_name'),
            inet_client_addr(), TG_TABLE_NAME,
            coalesce(CASE verb WHEN 'delete' THEN old_row ELSE new_row END ->> TG_ARGV[1], ''),
            CASE verb WHEN 'delete' THEN old_subjects WHEN 'truncate' THEN split_part(TG_ARGV[0], '=', 1) || ':'
                ELSE new_subjects END,
            verb, coalesce(changed, '')
        );
    END LOOP;
    RETURN NULL;
END
"""
#: The server's role may remove changes of a transaction that has an event, which stays in the log: a forged one is not
#: authentic, and is reported.
REMOVE_BODY = """
WITH removed AS (
    DELETE FROM audit_captured_changes AS change WHERE id = ANY($1)
    AND transaction_id IS DISTINCT FROM pg_current_xact_id()::text::bigint
    AND EXISTS (
        SELECT FROM audit_logs
        WHERE audit_logs.transaction_id IN (change.transaction_id, pg_current_xact_id()::text::bigint)
    )
    RETURNING 1
)
SELECT count(*) FROM removed
"""
#: By name: arguments, result and body.
FUNCTIONS = {
    CAPTURE_FUNCTION: ("()", "trigger LANGUAGE plpgsql", CAPTURE_BODY),
    REMOVE_FUNCTION: ("(bigint[])", "bigint LANGUAGE sql", REMOVE_BODY),
}
INSERT, UPDATE, DELETE, TRUNCATE = (f"audit_capture_{verb}" for verb in ("insert", "update", "delete", "truncate"))

#: Our triggers, by name or function, with their state: O and A are enabled.
SELECT_TRIGGERS = """
SELECT relname, tgname, tgenabled, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace
    AND (starts_with(tgname, 'audit_capture_') OR proname = 'audit_capture_change')
"""
SELECT_FUNCTIONS = """
SELECT proname, prosrc, prosecdef, has_function_privilege('public', pg_proc.oid, 'EXECUTE'), proconfig
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname = ANY(%s)
"""


def present_triggers(cursor: CursorWrapper) -> dict[tuple[str, str], tuple[bool, str]]:
    """Our triggers by table and name: whether it is enabled, and its normalized statement."""
    cursor.execute(SELECT_TRIGGERS)
    return {(table, name): (state in {"O", "A"}, normalized(text)) for table, name, state, text in cursor.fetchall()}


def normalized(text: str) -> str:
    """A trigger's statement without what PostgreSQL writes differently: casts, parentheses, quotes, schema."""
    text = re.sub(r"::\w+", "", text.lower())
    text = re.sub(r'["()]', "", text)
    return re.sub(r"\s+", " ", re.sub(r"\bon \w+\.", "on ", re.sub(r"function \w+\.", "function ", text))).strip()


def drop_statement(table: str, name: str) -> str:
    return f'DROP TRIGGER "{name}" ON "{table}"'


def switch_statement(table: str, name: str, word: str) -> str:
    return f'ALTER TABLE "{table}" {word} TRIGGER "{name}"'


def disable_statements(tables: Iterable[CapturedTable]) -> list[str]:
    """The statements that switch capturing off for this transaction."""
    return [switch_statement(table.name, name, "DISABLE") for table in tables for name in trigger_statements(table)]


def enable_statements(tables: Iterable[CapturedTable]) -> list[str]:
    return [switch_statement(table.name, name, "ENABLE") for table in tables for name in trigger_statements(table)]


def trigger_statements(table: CapturedTable) -> dict[str, str]:
    subjects = " ".join(f"{resource}={column}" for resource, column in table.subjects)
    run = f"EXECUTE FUNCTION {CAPTURE_FUNCTION}('{subjects}', '{table.key}', '{' '.join(table.columns)}')"
    row = f'ON "{table.name}" FOR EACH ROW'
    differs = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in table.columns)
    ends = f'WHEN (OLD."{table.end_column}" IS NULL) ' if table.end_column else ""
    statements = {INSERT: f"CREATE TRIGGER {INSERT} AFTER INSERT {row} {run}"}
    if differs:
        statements[UPDATE] = f"CREATE TRIGGER {UPDATE} AFTER UPDATE {row} WHEN ({differs}) {run}"
    if table.are_deletions_captured:
        statements[DELETE] = f"CREATE TRIGGER {DELETE} AFTER DELETE {row} {ends}{run}"
    statements[TRUNCATE] = f'CREATE TRIGGER {TRUNCATE} BEFORE TRUNCATE ON "{table.name}" FOR EACH STATEMENT {run}'
    return statements


def function_statements(cursor: CursorWrapper) -> Iterator[str]:
    """The statements that create or replace functions as needed."""
    schema, altered = _altered_functions(cursor)
    for name in altered:
        arguments, result, body = FUNCTIONS[name]
        # pg_temp last: otherwise a temporary table could take the place of one of ours.
        options = f'SECURITY DEFINER SET search_path = "{schema}", pg_temp'
        yield f"CREATE OR REPLACE FUNCTION {name}{arguments} RETURNS {result} {options} AS $${body}$$"
        yield f"REVOKE ALL ON FUNCTION {name}{arguments} FROM PUBLIC"


def function_problems(cursor: CursorWrapper) -> list[str]:
    return [
        f"The function {name}, which belongs to capturing changes, is not the one that was installed."
        for name in _altered_functions(cursor)[1]
    ]


def _altered_functions(cursor: CursorWrapper) -> tuple[str, list[str]]:
    """The schema, and the functions that are missing there or are not as they should be."""
    cursor.execute("SELECT current_schema()")
    (schema,) = cursor.fetchone()
    cursor.execute(SELECT_FUNCTIONS, [list(FUNCTIONS)])
    present = {name: (source, *rights, _search_path(options)) for name, source, *rights, options in cursor.fetchall()}
    return schema, [
        name
        for name, (_, _, body) in FUNCTIONS.items()
        if present.get(name) != (body, True, False, f"{schema}, pg_temp")
    ]


def _search_path(options: list[str] | None) -> str:
    return ", ".join(options or []).removeprefix("search_path=").replace('"', "")
