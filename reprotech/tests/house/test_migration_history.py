"""Migrations stay what they were: nothing that changes later can change what they do."""

import ast
import re
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from accounts.tests.support.user_triggers import TRIGGERS
from audit.sealing import append_only_triggers
from reprotech.backup import restore as backup_restore
from reprotech.backup.exceptions import BackupFailed
from reprotech.backup.restore import Manifest
from reprotech.testing.plugin import ROOT

OURS = ("access_history", "access_requests", "accounts", "analytics", "audit", "reprotech", "reviews", "sso")
MIGRATIONS = [path.relative_to(ROOT) for app in OURS for path in sorted((ROOT / app).glob("**/migrations/*.py"))]


def imported(source):
    """The modules that a program imports, also by the name of one in a text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in LOADERS:
            yield from (text.value for text in node.args[:1] if isinstance(text, ast.Constant))


LOADERS = {"__import__", "import_module", "import_string"}


def ours(source):
    return [name for name in imported(source) if name.startswith(".") or name.partition(".")[0] in OURS]


@pytest.mark.only_on("sqlite")  # it looks at files
def test_no_migration_imports_code_of_ours():
    assert len(MIGRATIONS) > len(OURS)
    found = {str(path): ours((ROOT / path).read_text(encoding="utf-8")) for path in MIGRATIONS}
    assert {path: names for path, names in found.items() if names} == {}, (
        "This code will change, and the migration with it: fresh databases would get other tables than those that are "
        "there. Write what it does today into the migration, SQL as text. A rule of a field belongs into a class of "
        "fields that deconstructs as Django's own (accounts/core/model_fields.py)."
    )


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize(
    "source",
    [
        "import accounts.core.validators",
        "from audit import append_only",
        "def move(apps, schema_editor):\n    from reprotech.web.responses import safe_target",
        "from . import helpers",
        "from django.utils.module_loading import import_string\nimport_string('accounts.user_list.counters.compact')",
        "import importlib\nimportlib.import_module('audit.sealing.append_only_triggers')",
    ],
)
def test_each_way_to_import_it_is_found(source):
    assert ours(source)


ON_POSTGRESQL = pytest.mark.only_on("postgresql")
#: Functions that give the statements of triggers as the code knows them, to make and to remove them.
EXPECTED = [
    *(pytest.param(*statements, id=name, marks=ON_POSTGRESQL) for name, statements in TRIGGERS.items()),
    pytest.param(
        lambda: append_only_triggers.install_statements(connection.vendor),
        lambda: append_only_triggers.remove_statements(connection.vendor),
        id="append-only log",
    ),
]
PRESENT = {
    "postgresql": """
        SELECT pg_get_functiondef(pg_proc.oid) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
            AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    """,
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger'",
}


def present():
    """Functions and triggers of the database; how their text is laid out doesn't matter."""
    with connection.cursor() as cursor:
        cursor.execute(PRESENT[connection.vendor])
        texts = [re.sub(r"\s+", " ", text) for (text,) in cursor.fetchall()]
    return sorted(re.sub(r" ?([();,]) ?", r"\1", text) for text in texts)


def run(statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize(("install", "remove"), EXPECTED)
def test_migrations_make_the_triggers_that_the_code_expects(db, install, remove):
    migrated = present()
    run(remove())
    assert present() != migrated
    run(install())
    assert present() == migrated, "Write a migration that replaces these functions and triggers."


def test_models_and_migrations_agree(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_database_that_stopped_between_replaced_migrations_is_refused_with_the_way_out(db):
    MigrationRecorder(connection).migration_qs.filter(name=replaced()[-1][1]).delete()
    with pytest.raises(CommandError, match=WAY_OUT):
        call_command("migrate", skip_checks=False, verbosity=0)


@pytest.mark.parametrize("app", ["accounts", "audit"])
def test_a_backup_of_such_a_database_is_refused_too(app):
    migrations = [f"{app}.{name}" for app, name in replaced(app)]
    manifest = Manifest("2026-11-01T02:00:00+00:00", connection.vendor, 1, migrations, {})
    backup_restore._refuse_incompatible(manifest)
    with pytest.raises(BackupFailed, match=WAY_OUT):
        backup_restore._refuse_incompatible(replace(manifest, migrations=migrations[:-1]))


WAY_OUT = r"version of commit e89fd8f first \(git checkout e89fd8f"


def replaced(app="accounts"):
    """The migrations that one stands for now."""
    found = MigrationLoader(None).disk_migrations.values()
    return next(migration.replaces for migration in found if migration.app_label == app and migration.replaces)
