"""Migrations run while the version before them works: none may lock a table for long or take what that one uses."""

import pytest
from django_migration_linter import MigrationLinter

from reprotech.pytest_stack import ROOT

#: What the first version is made of; nothing ran before it that could be disturbed.
FIRST_VERSION = {"accounts": "0007", "audit": "0007"}
# SQLite makes a table anew for most changes, and serves one server, which is stopped for an update.
pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def linter(db):
    return MigrationLinter(str(ROOT), include_apps=list(FIRST_VERSION), no_cache=True, quiet=["ok"])


def lint(linter, wanted):
    """Lint the migrations of which `wanted` is true of the app and the name."""
    for migration in linter._gather_all_migrations():
        if migration.app_label in FIRST_VERSION and wanted(migration.app_label, migration.name):
            linter.lint_migration(migration)
    return linter


def test_migrations_leave_the_running_version_what_it_needs(linter, capsys):
    lint(linter, lambda app, name: name[:4] > FIRST_VERSION[app])
    assert not linter.has_errors, (
        f"{capsys.readouterr().out}\nGive new columns null=True or db_default, and take columns away a version after "
        "the last that uses them."
    )


def test_a_column_that_the_running_version_could_not_fill_would_be_found(linter):
    lint(linter, lambda app, name: (app, name[:4]) == ("accounts", "0006"))
    assert linter.nb_total == 1
    assert linter.has_errors
