"""What capturing changes in the database costs a service's write, with and without its triggers in one run.

    .venv/bin/python -m benchmarks.change_capture             on a PostgreSQL of its own
    .venv/bin/python -m benchmarks.change_capture --sqlite    on SQLite

In each round both sides do the same changes, in an order that alternates; a ratio compares a round with itself, since
the machine changes between them. Processor time of the client alone would hide the triggers, so it is elapsed time:
run it on a quiet machine. Ends with 1 when a goal is missed.
"""

import argparse
import base64
import io
import os
import secrets
import sys
import time
from statistics import median

from reprotech.testing.servers import TestProcesses, start_postgresql

#: How many times as long a write may take.
GOAL = 1.05
#: Changes after which statements are prepared and what PostgreSQL knows of tables is in its caches.
WARMING_UP = 10


def main():
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sqlite", action="store_true")
    arguments.add_argument("--rounds", type=int, default=25)
    arguments.add_argument("--writes", type=int, default=30, help="changes of each kind in a round, on each side")
    options = arguments.parse_args()
    processes = TestProcesses()
    try:
        start_django(processes, is_sqlite=options.sqlite)
        ratios = [measure(name, change, options) for name, change in changes().items()]
        measure("time of the last sign-in (not captured)", note_use, options)
        idle()
    finally:
        processes.close()
    sys.exit(int(max(ratios) > GOAL))


def start_django(processes, *, is_sqlite):
    """Django on an empty database."""
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "reprotech.settings",
            "DEBUG": "false",
            "DATABASE_URL": f"sqlite:///{processes.directory}/lab.sqlite3"
            if is_sqlite
            else start_postgresql(processes),
            "REDIS_URL": "",
            "ALLOWED_HOSTS": "localhost",
            "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "AUDIT_SIGNING_KEY_FILE": "",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "LOG_DIR": str(processes.directory / "logs"),
            "LOG_LEVEL": "WARNING",
        }
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("init_data", verbosity=0, stdout=io.StringIO())


def changes():
    """What services do, by name."""

    from django.db import transaction

    from accounts.access.authorization import SYSTEM
    from accounts.models import Session
    from accounts.sessions import services as session_services
    from accounts.users import services as user_services

    eve = user_services.create_user(actor=SYSTEM, username="eve", email="eve@lab.example", roles=["Viewer"])
    flips = iter(range(10**9))

    def rename():
        user_services.update_user(actor=SYSTEM, user_id=eve.pk, first_name="AB"[next(flips) % 2])

    def change_roles():
        user_services.update_user(
            actor=SYSTEM, user_id=eve.pk, roles=[["Viewer"], ["Manager", "Viewer"]][next(flips) % 2]
        )

    def sign_in_and_out():
        with transaction.atomic():
            session = session_services.open_session(user=eve, session=Session(kind=Session.Kind.TOKEN))
        session_services.sign_out(session=session)

    return {
        "change of a name": rename,
        "change of roles": change_roles,
        "session opened and ended": sign_in_and_out,
    }


def note_use():
    """Change what isn't captured; no service's write, so it has no goal."""
    from django.utils import timezone

    from accounts.models import User

    User.objects.filter(username="eve").update(last_login=timezone.now())


def measure(name, change, options):
    """Print and return the median of the rounds' ratios."""
    times = {True: [], False: []}
    for number in range(options.rounds):
        for is_on in (True, False) if number % 2 else (False, True):
            switch(is_on=is_on)
            for _ in range(WARMING_UP):
                change()
            begin = time.perf_counter()
            for _ in range(options.writes):
                change()
            times[is_on].append((time.perf_counter() - begin) / options.writes)
    switch(is_on=True)
    ratio = median(on / off for on, off in zip(times[True], times[False], strict=True))
    on, off = (median(times[is_on]) * 1000 for is_on in (True, False))
    print(f"{name:42} {off:7.2f} ms without, {on:7.2f} ms with, ratio {ratio:.3f} (goal {GOAL})", flush=True)
    return ratio


def switch(*, is_on):
    """Turn the triggers on or off for good, and settle what there is, so that both sides begin alike."""
    from django.db import connection, transaction

    from audit.capture import triggers
    from audit.models import CapturedChange
    from audit.sealing.sealer import Sealer

    with transaction.atomic(), connection.cursor() as cursor:
        dialect = triggers._dialect()
        for table, name in dialect.present_triggers(cursor):
            cursor.execute(dialect.drop_statement(table, name))
    if is_on:
        triggers.install()
    # Both sides begin with a new connection, which has prepared nothing.
    connection.close()
    connection.ensure_connection()
    if connection.vendor == "sqlite" and not is_on:
        connection.before_transaction = None
    CapturedChange.objects.all().delete()
    Sealer().seal()


def idle():
    """Print what a look of the sealer at nothing costs."""
    from audit.capture.settlement import settle

    settle(lambda: None)
    begin = time.perf_counter()
    for _ in range(200):
        settle(lambda: None)
    print(f"{'a look at nothing':42} {(time.perf_counter() - begin) * 5:7.2f} ms")


if __name__ == "__main__":
    main()
