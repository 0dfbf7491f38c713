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
from audit.sealing.sealer import Sealer
from audit.verification.verifier import Verification

WRITERS, EVENTS = int(os.environ.get("AUDIT_WRITERS", "4")), int(os.environ.get("AUDIT_EVENTS", "150"))
SEALERS = 3
#: Looks between two killings, on average.
PEACE = 8
WAITING = """
SELECT query FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND datname = current_database() AND backend_type = 'client backend'
"""
CONNECTED = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def database():
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"


class Workers:
    """The program that starts processes. They are its process group: an id that went on to a stranger is left alone."""

    def __init__(self, database):
        environment = {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "reprotech.settings"}
        self.program = subprocess.Popen(
            [sys.executable, "-m", "audit.tests.support.concurrent_writers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment,
            start_new_session=True,
        )
        assert self.program.stdout.readline() == "ready\n"

    def start(self, *words):
        self.program.stdin.write(" ".join(map(str, words)) + "\n")
        return int(self.program.stdout.readline())

    def is_running(self, process):
        try:
            return os.getpgid(process) == self.program.pid
        except ProcessLookupError:
            return False

    def kill(self, process):
        if self.is_running(process):
            os.kill(process, signal.SIGKILL)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.program.pid, signal.SIGKILL)
        self.program.wait(30)
        self.program.stdin.close()
        self.program.stdout.close()


@pytest.fixture
def workers(database):
    workers = Workers(database)
    yield workers
    workers.close()


class Writer:
    """A writer with a number of events to write; killed, it is started again for those that it hasn't acknowledged."""

    def __init__(self, workers, log):
        self._workers, self.log, self._seed = workers, log, 0
        self.log.touch()
        self.process = None
        self.go_on()

    def done(self, mark="+"):
        """What it wrote, or with "-" what it rolled back; a line that a kill cut short acknowledges nothing."""
        lines = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line.split()[1] for line in lines if line.startswith(mark)]

    def go_on(self):
        """Start it unless it runs; False once it has nothing left to do."""
        if self.process and self._workers.is_running(self.process):
            return True
        text = self.log.read_text()
        self.log.write_text(text[: text.rfind("\n") + 1])
        left = EVENTS - len(self.done())
        if left > 0:
            self._seed += 1
            self.process = self._workers.start("write", self.log, left, self._seed)
        return left > 0


def connected():
    """Whom PostgreSQL believes to be there."""
    with connection.cursor() as cursor:
        cursor.execute(CONNECTED)
        return {process for (process,) in cursor.fetchall()}


def wait_until_gone(others):
    """Until PostgreSQL has noticed that other connections, which may hold the sealers' lock, are gone."""
    end = time.monotonic() + 60
    while connected() - others:
        assert time.monotonic() < end, "Connections are left."
        time.sleep(0.02)


def test_nothing_is_lost_or_sealed_twice_whoever_is_killed(workers, database, tmp_path):
    chance, others = random.Random(7), connected()
    writers = [Writer(workers, tmp_path / f"writer-{number}") for number in range(WRITERS)]
    sealers = [workers.start("seal") for _ in range(SEALERS)]
    waiting, kills, verified = [], 0, 0
    began = next_look = time.monotonic()
    with psycopg.connect(database, autocommit=True) as observer:
        while sum(writer.go_on() for writer in writers):
            for _ in range(PEACE):
                time.sleep(0.02)
                waiting += observer.execute(WAITING).fetchall()
            victim = chance.choice([*(writer.process for writer in writers), *sealers])
            workers.kill(victim)
            kills += 1
            sealers = [
                process if process != victim and workers.is_running(process) else workers.start("seal")
                for process in sealers
            ]
            if time.monotonic() > next_look:
                before, verification = time.monotonic(), Verification()
                assert list(verification.findings()) == []
                verified += verification.count
                # The first looks may come before anything is sealed.
                next_look = 10 * time.monotonic() - 9 * before if verified else before
    took = time.monotonic() - began
    for process in sealers:
        workers.kill(process)
    wait_until_gone(others)
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
