"""Many processes write and seal at once and are killed at any moment: no acknowledged event is lost or sealed twice.

`AUDIT_WRITERS=16 AUDIT_EVENTS=10000` makes it a long run; the usual one takes seconds.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from django.db import connection

from audit.models import AuditLog, Leaf
from audit.sealing import Sealer
from audit.verification import Verification

WRITERS, EVENTS = int(os.environ.get("AUDIT_WRITERS", "4")), int(os.environ.get("AUDIT_EVENTS", "150"))
SEALERS = 3
#: Looks between two killings, on average.
PEACE = 8
WAITING = """
SELECT query FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND datname = current_database() AND backend_type = 'client backend'
"""

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def database():
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"


@pytest.fixture
def start(database):
    """A function that starts a process; all are gone afterwards."""
    environment = {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "reprotech.settings"}
    program = subprocess.Popen(
        [sys.executable, "-m", "audit.tests.seal_workers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=environment,
    )
    started = []

    def start(*words):
        program.stdin.write(" ".join(map(str, words)) + "\n")
        started.append(int(program.stdout.readline()))
        return started[-1]

    assert program.stdout.readline() == "ready\n"
    yield start
    program.stdin.close()
    for process in started:
        kill(process)
    program.wait(30)
    program.stdout.close()


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class Writer:
    """A writer with a number of events to write; killed, it is started again for those that it hasn't acknowledged."""

    def __init__(self, start, log):
        self._start, self.log, self._seed = start, log, 0
        self.log.touch()
        self.process = None
        self.go_on()

    def done(self, mark="+"):
        """What it wrote, or with "-" what it rolled back; a line that a kill cut short acknowledges nothing."""
        lines = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line.split()[1] for line in lines if line.startswith(mark)]

    def go_on(self):
        """Start it unless it runs; False once it has nothing left to do."""
        if self.process and is_running(self.process):
            return True
        text = self.log.read_text()
        self.log.write_text(text[: text.rfind("\n") + 1])
        left = EVENTS - len(self.done())
        if left > 0:
            self._seed += 1
            self.process = self._start("write", self.log, left, self._seed)
        return left > 0


def test_nothing_is_lost_or_sealed_twice_whoever_is_killed(start, database, tmp_path):
    chance = random.Random(7)
    writers = [Writer(start, tmp_path / f"writer-{number}") for number in range(WRITERS)]
    sealers = [start("seal") for _ in range(SEALERS)]
    waiting, kills, verified = [], 0, 0
    began = next_look = time.monotonic()
    with psycopg.connect(database, autocommit=True) as observer:
        while sum(writer.go_on() for writer in writers):
            for _ in range(PEACE):
                time.sleep(0.02)
                waiting += observer.execute(WAITING).fetchall()
            victim = chance.choice([*(writer.process for writer in writers), *sealers])
            kill(victim)
            kills += 1
            sealers = [
                start("seal") if process == victim or not is_running(process) else process for process in sealers
            ]
            if kills % 5 == 0:
                verification = Verification()
                assert list(verification.findings()) == []
                verified += verification.count
    took = time.monotonic() - began
    for process in sealers:
        kill(process)
    time.sleep(0.2)  # PostgreSQL notices that they are gone
    Sealer().seal()
    acknowledged = {token for writer in writers for token in writer.done()}
    written = list(AuditLog.objects.filter(action="login").values_list("resource_name", flat=True))
    assert len(acknowledged) >= WRITERS * EVENTS
    assert len(written) == len(set(written))
    assert acknowledged <= set(written)
    assert not {token for writer in writers for token in writer.done("-")} & set(written)
    assert Leaf.objects.count() == AuditLog.objects.count()
    verification = Verification()
    assert list(verification.findings()) == []
    assert (verification.count, verification.unsealed) == (AuditLog.objects.count(), 0)
    assert waiting == []
    assert verified > 0
    print(f"{len(written)} events of {WRITERS} writers in {took:.0f} s, {kills} killed, {verified} verified meanwhile")
