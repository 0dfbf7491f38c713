"""Fills our own database and writes what is in it for the others; run as a program, with Django, before the servers.

The people are those of `manage.py create_demo_data`. A few of them get a password and may read users: the callers.
"""

import argparse
import csv
import json
import os
import sys
from pathlib import Path

CALLERS, MOST_EVENTS = 10, 100_000
TABLES = {
    "people": "SELECT id, username, email, first_name, last_name, is_active, created_at, id = ANY(%(callers)s)"
    " FROM users WHERE username <> 'admin' AND deleted_at IS NULL ORDER BY id",
    "roles": "SELECT id, name, slug, description FROM roles ORDER BY id",
    "permissions": "SELECT id, name, description, resource, action FROM permissions ORDER BY id",
    "role_permissions": "SELECT role_id, permission_id FROM role_permissions",
    "people_roles": "SELECT user_id, role_id FROM user_roles WHERE user_id IN"
    " (SELECT id FROM users WHERE username <> 'admin' AND deleted_at IS NULL)",
}


def main():
    """Load, and write a file for each table and one for the callers."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--users", type=int, required=True)
    arguments.add_argument("--directory", type=Path, required=True)
    options = arguments.parse_args()
    # An audit log of some length, as an installation in use has one; nothing that is measured reads it.
    callers = fill(options.users, min(options.users, MOST_EVENTS))
    export(options.directory, [caller["id"] for caller in callers])
    (options.directory / "callers.json").write_text(json.dumps(callers))


def fill(users, events):
    """Make the tables and load users and events; returns the callers as plain data."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("init_data", verbosity=0)
    call_command("create_demo_data", users=users, audit_events=events, stdout=sys.stderr)
    return [{"id": caller.pk, "username": caller.username, "email": caller.email} for caller in make_callers()]


def make_callers():
    """Give the last who may sign in a password and Manager's role alone, which reads users, events and figures."""
    from django.contrib.auth.hashers import make_password
    from django.db import connection

    from accounts.models import Role, TotpKey, User
    from accounts.user_list import page_index

    callers = [*User.objects.active().exclude(username="admin").order_by("-pk")[:CALLERS]]
    password = make_password(os.environ["PASSWORD"])
    manager = Role.objects.get(slug="manager")
    for caller in callers:
        TotpKey.objects.filter(user=caller).delete()
        User.objects.filter(pk=caller.pk).update(password=password, factor_kinds="")
        caller.roles.set([manager])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE users")
        cursor.execute("VACUUM ANALYZE user_roles")
    page_index.refresh()  # as the server does once a minute
    return callers


def export(directory, callers):
    """Write each table as CSV, by COPY."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table, query in TABLES.items():
            statement = query.replace("%(callers)s", f"ARRAY{callers}")
            with (
                (directory / f"{table}.csv").open("wb") as file,
                cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT CSV)") as copy,
            ):
                for part in copy:
                    file.write(part)


def terms(directory, count):
    """Texts to search for: of people evenly spread over the file, the middle of the username and its number."""
    with (directory / "people.csv").open(newline="", encoding="utf-8") as file:
        names = [row[1] for row in csv.reader(file)]
    return [name[3:] for name in names[len(names) // 7 :: max(1, len(names) // count)]][:count]


if __name__ == "__main__":
    main()
