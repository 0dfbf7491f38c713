"""What verifying says of the triggers that guard the log, and of others."""

from django.db import connection

from audit.tests.support.verifying import found, run, seal
from audit.verification import runs as verification_runs
from audit.verification.findings import Kind
from audit.verification.verifier import Verification

GUARDS_OFF = {
    "postgresql": (
        "ALTER TABLE audit_logs DISABLE TRIGGER audit_append_only",
        "DROP TRIGGER audit_never_emptied ON audit_nodes",
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ),
    "sqlite": ("DROP TRIGGER audit_logs_no_update",),
}


#: A guard that is there by its name, and guards nothing.
BLUNTED = {
    "postgresql": (
        "DROP TRIGGER audit_append_only ON audit_leaves",
        (
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_leaves FOR EACH ROW "
            "WHEN (false) EXECUTE FUNCTION audit_refuse_change()"
        ),
    ),
    "sqlite": (
        "DROP TRIGGER audit_leaves_no_update",
        (
            "CREATE TRIGGER audit_leaves_no_update BEFORE UPDATE ON audit_leaves WHEN 0 "
            "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only. UPDATE of audit_leaves is refused.'); END"
        ),
    ),
}
#: What else reacts to changes of the log.
FOREIGN = {
    "postgresql": (
        "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER aaa_quiet BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION quiet()",
        "CREATE RULE aaa_silent AS ON DELETE TO audit_keys DO INSTEAD NOTHING",
    ),
    "sqlite": (
        "CREATE TRIGGER aaa_quiet BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER aaa_silent BEFORE INSERT ON AUDIT_KEYS WHEN 0 BEGIN SELECT 1; END",
    ),
}


def execute(statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_a_guard_that_was_made_again_to_guard_nothing_is_told(db, stack):
    execute(BLUNTED[stack])
    assert any(one.kind == Kind.GUARD and "audit_leaves" in one.sentence for one in found())


def test_triggers_and_rules_that_are_none_of_the_logs_are_told_also_on_the_page(db, stack):
    seal(3)
    execute(FOREIGN[stack])
    sentences = [one.sentence for one in found() if one.kind == Kind.GUARD]
    assert ["aaa_silent of audit_keys" in sentences[0], "aaa_quiet of audit_logs" in sentences[1]] == [True, True]
    list(verification_runs.record_run(Verification()))
    assert set(sentences) <= set(verification_runs.status().warnings)
    assert run()[0] == 0


def test_a_guard_that_is_off_is_a_warning(db, stack):
    for count, statement in enumerate(GUARDS_OFF[stack], 1):
        with connection.cursor() as cursor:
            cursor.execute(statement)
        assert [one.kind for one in found()] == [Kind.GUARD] * count
    assert all(one.is_warning for one in found())
