"""Migrations run while the version before them works: none may lock a table for long or take what that one uses."""

import pytest
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import PostgresqlAnalyser, analyse_sql_statements

from reprotech.testing.plugin import ROOT

#: What new databases begin with, and those that are there have; single sign-on with what its first version had.
FIRST = {
    "accounts": "0001",
    "audit": "0001",
    "sso": "0005",
    "reviews": "0001",
    "access_history": "0001",
    "access_requests": "0001",
}
#: Their unique constraint asks for less than the one that it replaces, so the running version keeps to it.
WITH_WEAKER_CONSTRAINT = {("accounts", "0027_role_grants")}
# SQLite makes a table anew for most changes, and serves one server, which is stopped for an update.
pytestmark = pytest.mark.only_on("postgresql")


def lint(wanted, **options):
    """A linter that has looked at the migrations of which `wanted` is true of the app and the name."""
    linter = MigrationLinter(str(ROOT), include_apps=list(FIRST), no_cache=True, quiet=["ok"], **options)
    for migration in linter._gather_all_migrations():
        if migration.app_label in FIRST and wanted(migration.app_label, migration.name):
            linter.lint_migration(migration)
    return linter


def test_migrations_leave_the_running_version_what_it_needs(db, capsys):
    def is_newer(app, name):
        return name[:4] > FIRST[app] and (app, name) not in WITH_WEAKER_CONSTRAINT

    weaker = lint(lambda *named: named in WITH_WEAKER_CONSTRAINT, exclude_migration_tests=["ADD_UNIQUE"])
    has_errors = lint(is_newer).has_errors or weaker.has_errors
    assert not has_errors, (
        f"{capsys.readouterr().out}\nGive new columns null=True or db_default, and take columns away a version after "
        "the last that uses them."
    )


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE "users" ADD COLUMN "x" integer NOT NULL;',
        'ALTER TABLE "users" DROP COLUMN "email";',
        'ALTER TABLE "users" RENAME COLUMN "email" TO "mail";',
        'ALTER TABLE "users" ALTER COLUMN "email" TYPE integer;',
        'DROP TABLE "sessions";',
    ],
)
def test_what_takes_something_away_would_be_found(statement):
    errors, _, _ = analyse_sql_statements(PostgresqlAnalyser, [statement])
    assert errors
