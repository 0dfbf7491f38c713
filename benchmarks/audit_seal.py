"""What sealing costs, and how fast the log verifies: one command, on a PostgreSQL of its own.

    .venv/bin/python -m benchmarks.audit_seal                      the whole, about ten minutes
    .venv/bin/python -m benchmarks.audit_seal --rows 5000 --leaves 50000 --rounds 2 --seconds 1

Four figures with their goals: what an audited write costs with the audit worker beside it (rounds with and without it
alternate), how many events are sealed in a second, how long verifying takes on one core, and how long a proof takes
from a tree of ten million leaves.
"""

import argparse
import base64
import io
import json
import os
import secrets
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reprotech.testing.servers import TestProcesses, start_postgresql

WIDTHS = (58, 16, 12, 8)


def main():
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=1_000_000, help="events to seal and to verify")
    arguments.add_argument("--leaves", type=int, default=10_000_000, help="leaves of the tree for proofs")
    arguments.add_argument("--rounds", type=int, default=10, help="rounds of writing with and without the sealer, each")
    arguments.add_argument("--seconds", type=float, default=9, help="length of such a round")
    options = arguments.parse_args()
    processes = TestProcesses()
    try:
        start_django(processes)
        results = [
            writing(options.rounds, options.seconds),
            *sealing_and_verifying(options.rows),
            proving(options.leaves),
        ]
    finally:
        processes.close()
    print_table(results)


def start_django(processes):
    """Django on an empty database."""
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "reprotech.settings",
            "DEBUG": "false",
            "DATABASE_URL": start_postgresql(processes),
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


# Writing


def writing(rounds, seconds):
    """The cost of a write with the sealer on, as a multiple of that without."""
    write_for(1)
    ratios = []
    for number in range(rounds):
        # Which comes first alternates too: whatever slows the machine down for a while hits both.
        order = (False, True) if number % 2 else (True, False)
        cost = {is_on: round_of_writing(seconds, is_on) for is_on in order}
        ratios.append(cost[True] / cost[False])
        say(f"round {number + 1}: {cost[False] * 1e6:,.0f} µs a write, sealing {cost[True] * 1e6:,.0f} µs")
    return (
        "an audited write with the sealer on, against off",
        f"{statistics.median(ratios):.3f}",
        "≤ 1.05",
        statistics.median(ratios) <= 1.05,
    )


def round_of_writing(seconds, with_sealer):
    """The mean seconds of a write, with everything before it sealed; the sealer is a process, as beside a server."""
    from django.conf import settings

    from audit import worker
    from audit.models import AuditLog
    from audit.sealing.sealer import Sealer

    Sealer().seal()
    if not with_sealer:
        return write_for(seconds)
    with worker.start_process() as process:
        write_for(0)
        while count_unsealed():
            time.sleep(0.1)
        before = AuditLog.objects.count()
        cost = write_for(seconds)
        unsealed, written = count_unsealed(), AuditLog.objects.count() - before
        # It was at work all the time: what is left was written since it last looked, or while it sealed.
        assert unsealed * seconds <= written * (settings.AUDIT_SEAL_SECONDS + 1), (
            f"of {written} events {unsealed} are not sealed"
        )
        process.stdin.close()
    return cost


def count_unsealed():
    """How many events the newest checkpoint does not cover."""
    from audit.models import AuditLog
    from audit.sealing.sealer import latest_checkpoint

    return AuditLog.objects.count() - latest_checkpoint().size


def write_for(seconds):
    """Change a user's row and record it, in one transaction, again and again; returns the mean seconds of one."""
    from django.db import transaction

    from accounts.models import User
    from audit.models import Action
    from audit.services import record

    user = User.objects.get(username="admin")
    count, began = 0, time.perf_counter()
    while not count or time.perf_counter() - began < seconds:
        count += 1
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(first_name=f"Name {count}")
            record(
                actor=user,
                action=Action.UPDATE,
                resource="user",
                resource_id=user.pk,
                resource_name=user.username,
                changes={"first_name": (f"Name {count - 1}", f"Name {count}")},
            )
    return (time.perf_counter() - began) / count


# Sealing and verifying


def sealing_and_verifying(rows):
    """Events sealed in a second, and the time to verify all of them."""
    from audit.models import AuditLog
    from audit.sealing.sealer import Sealer
    from audit.verification.verifier import Verification

    empty_log()
    load_events(rows)
    say(f"sealing {rows:,} events ...")
    began, cpu = time.perf_counter(), time.process_time()
    sealed = Sealer().seal().count
    rate, cpu = sealed / (time.perf_counter() - began), time.process_time() - cpu
    say(f"{rate:,.0f} a second; of the time {cpu:.1f} s in Python, the rest in PostgreSQL or waiting for a core")
    analyze()
    say(f"verifying {sealed:,} events ...")
    began, cpu = time.perf_counter(), time.process_time()
    verification = Verification()
    findings = list(verification.findings())
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert findings == [], findings[:5]
    assert verification.count == sealed == AuditLog.objects.count()
    say(f"{took:.1f} s; of which {cpu:.1f} s in Python, the rest in PostgreSQL or waiting for a core")
    # The goal is for a million; smaller runs are judged by their share.
    return [
        ("events sealed in a second", f"{rate:,.0f}", "≥ 5,000", rate >= 5_000),
        (f"verifying {sealed:,} events", f"{took:.1f} s", "< 60 s", took < 60 * max(sealed, 10_000) / 1_000_000),
    ]


def load_events(count):
    """Fill the log by COPY, with events such as a laboratory's day leaves them."""
    import uuid

    from django.db import connection

    from audit.crypto.sealed_row import SealedRow, authentication_code

    say(f"loading {count:,} events ...")
    columns = (*SealedRow._fields[1:], "authentication")
    began = datetime.now(UTC) - timedelta(days=30)
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    kinds = [
        ("login", "auth", "", {}),
        (
            "update",
            "user",
            "17",
            {"changes": {"email": ["old@lab.example", "new@lab.example"], "is_active": [True, False]}},
        ),
        ("role_assign", "user", "18", {"changes": {"roles": [["viewer"], ["viewer", "technician"]]}}),
        ("access_denied", "role", "", {"required": "role_update"}),
    ]
    with connection.cursor() as cursor, cursor.copy(f"COPY audit_logs ({', '.join(columns)}) FROM STDIN") as copy:
        for number in range(count):
            action, resource, resource_id, details = kinds[number % len(kinds)]
            row = SealedRow(
                None, 1, began + timedelta(seconds=number), number % 5_000, f"user.{number % 5_000}", action, resource,
                resource_id, "", number % 9 != 0, f"192.0.2.{number % 250}", agent, f"{number:032x}",
                uuid.UUID(int=number), details, os.urandom(16), os.urandom(16),
            )  # fmt: skip
            copy.write_row((*row[1:14], json.dumps(details), *row[15:], authentication_code(row)))


def empty_log():
    """Forget every event, leaf, node and checkpoint."""
    from django.db import connection

    from audit.sealing.append_only_triggers import suspended

    with suspended(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE audit_logs, audit_leaves, audit_nodes, audit_checkpoints")


def analyze():
    """What autovacuum does a little later anyway."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_logs, audit_leaves, audit_nodes")


# Proving


def proving(leaves):
    """The time of a proof from a tree of so many leaves; nothing in it depends on what their hashes are."""
    import random

    from django.db import connection

    from audit.sealing.stored_tree import LEVEL_STEP, StoredTree
    from audit.tests.support.merkle_proofs import is_included

    empty_log()
    say(f"loading a tree of {leaves:,} leaves ...")
    with connection.cursor() as cursor:
        with cursor.copy("COPY audit_leaves (position, event_id, hash) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8", "bytea"])
            for number in range(leaves):
                copy.write_row((number, number, os.urandom(32)))
        with cursor.copy("COPY audit_nodes (level, index, hash) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int2", "int8", "bytea"])
            for level in range(LEVEL_STEP, leaves.bit_length(), LEVEL_STEP):
                for index in range(leaves >> level):
                    copy.write_row((level, index, os.urandom(32)))
    analyze()
    times = []
    for _ in range(300):
        position = random.randrange(leaves)
        began = time.perf_counter()
        path = StoredTree().inclusion_path(position, leaves)
        times.append((time.perf_counter() - began) * 1000)
        assert len(path) >= leaves.bit_length() - 12
        assert not is_included(b"", position, leaves, path, b"")
    worst, median = max(times), statistics.median(times)
    say(f"proofs: median {median:.1f} ms, the slowest of 300 {worst:.1f} ms")
    return f"a proof from a tree of {leaves:,} leaves, median", f"{median:.1f} ms", "< 20 ms", median < 20


def say(text):
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def print_table(results):
    """The figures with their goals."""
    for line in (
        ("what", "measured", "goal", ""),
        *((*result[:3], "ok" if result[3] else "missed") for result in results),
    ):
        print("  ".join(text.ljust(width) for text, width in zip(line, WIDTHS, strict=True)).rstrip())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
