"""How the list of users answers at 100 users and at 100,000: `python -m benchmarks.users_page`.

Starts a PostgreSQL of its own, asks for each page through the whole application, in this process, and prints the median
milliseconds at both sizes, their ratio, and the number of queries. What matters is the ratio: it tells what grows.
Where few of 100 users match, it tells mostly that a full page of rows takes longer to render than one nearly empty.
"""

import argparse
import os
import secrets
import time
from statistics import median

from reprotech.testing.servers import TestProcesses, start_postgresql

FEW = 100
ROUNDS = 15
SORTS = ("id", "username", "email", "first_name", "last_name", "is_active", "last_login", "created_at", "updated_at")
QUERIES = {
    "first page": "",
    "search": "search=many-77",
    "search, nobody": "search=nobody-of-this-name",
    "role of many": "role=viewer",
    "role of few": "role=manager",
    **{f"status {status}": f"status={status}" for status in ("active", "inactive", "locked")},
    **{f"sort {sign}{name}": f"sort={sign}{name}" for name in SORTS for sign in ("", "-")},
    "page of 100": "per_page=100",
    "page 900 of 100": "page=900&per_page=100",
    "page 900 of 100, sorted": "page=900&per_page=100&sort=-last_login",
}


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.users_page", description=__doc__.splitlines()[0])
    arguments.add_argument("--users", type=int, default=100_000, help="the larger size")
    options = arguments.parse_args()
    processes = TestProcesses()
    try:
        measure(start_postgresql(processes), processes, options.users)
    finally:
        processes.close()


def measure(database, processes, many_users):
    """Both sizes in one run, one after the other."""
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "reprotech.settings",
            "DEBUG": "true",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": database,
            "REDIS_URL": "",
            "ALLOWED_HOSTS": "testserver",
            "LOG_DIR": str(processes.directory / "logs"),
            "LOG_LEVEL": "ERROR",
        }
    )
    import django

    django.setup()
    from django.core.management import call_command

    from reprotech.testing.cast import make_many_users

    call_command("migrate", verbosity=0)
    call_command("init_data")
    figures = {}
    for size in (FEW, many_users):
        make_many_users(size) if not figures else extend(size)
        figures[size] = timings()
    print(f"{'':26}{FEW:>10,}{many_users:>12,}{'ratio':>8}{'queries':>9}")
    for name in QUERIES:
        (few, queries), (many, more) = figures[FEW][name], figures[many_users][name]
        print(f"{name:26}{few:>7.1f} ms{many:>9.1f} ms{many / few:>8.2f}{queries:>5} {more:>3}")


def extend(size):
    """From few users to many."""
    from django.db import connection

    from accounts.user_list import page_index
    from reprotech.testing.cast import make_many_users

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE user_roles")
        cursor.execute("DELETE FROM users WHERE username LIKE 'many-%'")
        cursor.execute(
            "INSERT INTO user_roles (user_id, role_id) SELECT users.id, roles.id FROM users, roles "
            "WHERE users.username = 'admin' AND roles.slug = 'super_admin'"
        )
    make_many_users(size)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE users")
        cursor.execute("VACUUM ANALYZE user_roles")
    page_index.refresh()  # as the server does once a minute


def timings():
    """{query: (median milliseconds, number of queries)}."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.post("/login", {"username": "admin", "password": "Admin123!"})
    found = {}
    for name, query in QUERIES.items():
        path = f"/users?{query}"
        taken = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            answer = client.get(path)
            taken.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 200, path
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        found[name] = (median(taken), len(captured))
    return found


if __name__ == "__main__":
    main()
