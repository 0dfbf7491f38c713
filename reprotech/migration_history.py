"""Older databases that `manage.py migrate` can or can't bring up to date.

The first migrations of accounts and audit replace those of the versions up to commit e89fd8f. A database with only some
of the replaced ones would lack tables: it needs the version of that commit first.
"""

from collections.abc import Collection

from django.db.migrations.loader import MigrationLoader

LAST_OLD_VERSION = "e89fd8f"
UPGRADE_HINT = (
    f"Bring it up to date with the version of commit {LAST_OLD_VERSION} first (git checkout {LAST_OLD_VERSION}, "
    "install its requirements, manage.py migrate), then with this one."
)
Name = tuple[str, str]


def known_migrations() -> set[Name]:
    """App and name of all migrations of this version, and of those that they replace."""
    found = set()
    for key, migration in MigrationLoader(None).disk_migrations.items():
        found |= {key, *((app, name) for app, name in migration.replaces)}
    return found


def is_too_old(applied: Collection[Name]) -> bool:
    """Whether a database with these migrations lacks a replaced one that no longer exists (an empty one doesn't)."""
    on_disk = MigrationLoader(None).disk_migrations
    return any(
        any(name in applied for name in found.replaces)
        and any(name not in applied and name not in on_disk for name in found.replaces)
        for found in on_disk.values()
    )
