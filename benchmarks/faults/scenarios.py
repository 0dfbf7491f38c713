"""The faults: what fails, for how long, what people may see meanwhile, and how soon all must be well again."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from redis import Redis

from benchmarks.faults import disks
from benchmarks.faults.disks import Skipped
from benchmarks.faults.http_client import CUT, HUNG, REFUSED
from benchmarks.faults.network import Machine
from benchmarks.faults.testbed import PostgreSQL, Testbed, Valkey, eventually

__all__ = ["SCENARIOS", "Skipped"]


@dataclass
class Scenario:
    """A fault and what is promised about it."""

    title: str
    fault: Callable
    #: Ways in which requests may fail meanwhile: statuses, or words of `http_client`.
    may: set
    #: Seconds after it is mended.
    within: float = 30
    testbed: Callable = Testbed
    #: Sentences about what else is wrong afterwards.
    afterwards: Callable = lambda _: []
    clear_up: Callable = field(default=lambda: None)


SCENARIOS = {}


def add(name, title, **more):
    """Make the function below the fault of a scenario."""

    def decorate(fault):
        SCENARIOS[name] = Scenario(title, fault, **more)
        return fault

    return decorate


def _has_two_workers(testbed):
    if not eventually(lambda: len(testbed.web.workers()) == 2):
        return [f"{len(testbed.web.workers())} processes answer, not 2"]
    return []


def _has_one_audit_worker(testbed):
    if not eventually(lambda: len(testbed.web.audit_workers()) == 1):
        return [f"{len(testbed.web.audit_workers())} processes seal, not 1"]
    return []


def _is_whole(testbed):
    return _has_two_workers(testbed) + _has_one_audit_worker(testbed)


# Processes of Reprotech


@add("worker-killed", "`kill -9` of a web worker", may={CUT}, afterwards=_is_whole)
def kill_worker(testbed, _):
    """One of the two that answer."""
    os.kill(testbed.web.workers()[0], signal.SIGKILL)


@add("workers-killed", "`kill -9` of all web workers at once", may={CUT, REFUSED}, afterwards=_is_whole)
def kill_workers(testbed, _):
    """Nobody is left to answer."""
    for worker in testbed.web.workers():
        os.kill(worker, signal.SIGKILL)


@add("audit-worker-killed", "`kill -9` of the audit worker", may=set(), afterwards=_is_whole)
def kill_audit_worker(testbed, _):
    """The one that seals."""
    for process in testbed.web.audit_workers():
        os.kill(process, signal.SIGKILL)


@add(
    "server-restarted",
    "`kill -9` of the server's main process, and a new start",
    may={CUT, REFUSED},
    afterwards=_is_whole,
)
def restart_server(testbed, _):
    """As after the machine's memory ran out."""
    testbed.web.kill()
    testbed.web.start_again()


# PostgreSQL


@add("postgresql-restarted", "PostgreSQL restarted", may={503})
def restart_postgresql(testbed, _):
    """In order."""
    testbed.database.kill(signal.SIGINT)
    testbed.database.start()


@add("postgresql-crashed", "PostgreSQL stopped with `-m immediate`, and started", may={503})
def crash_postgresql(testbed, _):
    """Without a word to anybody: it recovers from its log."""
    testbed.database.kill(signal.SIGQUIT)
    testbed.database.start()


@add("postgresql-away", "without PostgreSQL", may={503})
def take_postgresql_away(testbed, seconds):
    """For a while."""
    testbed.database.kill(signal.SIGINT)
    time.sleep(seconds)
    testbed.database.start()


@add("postgresql-hangs", "PostgreSQL hangs", may={503, HUNG})
def hang_postgresql(testbed, seconds):
    """It takes connections and says nothing. A statement that lasts looks no different, so requests wait for it."""
    _hang(testbed.database.everybody, seconds)


def _on_another_machine(processes):
    return Testbed(processes, database=PostgreSQL(processes, machine=Machine(processes)))


@add("postgresql-unplugged", "the network swallows what is sent to PostgreSQL", may={503}, testbed=_on_another_machine)
def unplug_postgresql(testbed, seconds):
    """Nobody is told that nothing arrives."""
    testbed.database.machine.pull_out()
    time.sleep(seconds)
    testbed.database.machine.put_back()


def _few_connections(processes):
    return Testbed(processes, database=PostgreSQL(processes, max_connections=25), DATABASE_POOL_SIZE="8")


@add("postgresql-full", "PostgreSQL's connections all taken by others", may={503}, testbed=_few_connections)
def take_all_connections(testbed, seconds):
    """Ours are ended, and others are faster to come back."""
    end = time.monotonic() + seconds
    with ExitStack() as stack:
        while time.monotonic() < end:
            with suppress(psycopg.OperationalError):
                connection = psycopg.connect(testbed.database.url, autocommit=True, application_name="others")
                stack.enter_context(connection)
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'others' "
                    "AND backend_type = 'client backend'"
                )
                continue
            time.sleep(0.2)


# Valkey


@add("valkey-restarted", "Valkey killed and started", may=set())
def restart_valkey(testbed, _):
    """All that it held is gone."""
    testbed.cache.kill()
    testbed.cache.start()


def _kept(processes):
    return Testbed(processes, cache=Valkey(processes, is_kept=True))


@add("valkey-restarted-kept", "Valkey restarted, with what it held", may=set(), testbed=_kept)
def restart_kept_valkey(testbed, _):
    """As Debian's package does: it saves, and reads it again."""
    testbed.cache.kill(signal.SIGTERM)
    testbed.cache.start()


@add("valkey-full", "Valkey can be read but takes nothing", may=set())
def fill_valkey(testbed, seconds):
    """As when its memory is used up, or its disk is full."""
    with Redis.from_url(testbed.cache.url) as valkey:
        valkey.config_set("maxmemory", 1)
        time.sleep(seconds)
        valkey.config_set("maxmemory", 0)


@add("valkey-away", "without Valkey", may=set())
def take_valkey_away(testbed, seconds):
    """For a while."""
    testbed.cache.kill()
    time.sleep(seconds)
    testbed.cache.start()


@add("valkey-hangs", "Valkey hangs", may=set())
def hang_valkey(testbed, seconds):
    """It takes connections and says nothing."""
    _hang(lambda: [testbed.cache.process.pid], seconds)


def _hang(processes, seconds):
    end, stopped = time.monotonic() + seconds, set()
    try:
        while time.monotonic() < end:
            for process in set(processes()) - stopped:
                os.kill(process, signal.SIGSTOP)
                stopped.add(process)
            time.sleep(0.1)
    finally:
        for process in stopped:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


# What is around


@add("mail-hangs", "the mail server takes connections and says nothing", may=set())
def hang_mail(testbed, seconds):
    """For a while."""
    testbed.mail.is_hung = True
    time.sleep(seconds)
    testbed.mail.is_hung = False


def _small_log_disk(processes):
    home = disks.mount("logs", 12)
    return Testbed(processes, LOG_DIR=str(home / "logs"))


@add(
    "disk-full",
    "the disk of logs full",
    may={CUT},
    testbed=_small_log_disk,
    clear_up=disks.unmount,
    afterwards=_is_whole,
)
def fill_log_disk(_, seconds):
    """Not a byte is left."""
    with disks.filled("logs"):
        time.sleep(seconds)


def _small_database_disk(processes):
    home = disks.mount("postgresql", 300)
    return Testbed(
        processes, database=PostgreSQL(processes, data=home / "data", max_wal_size="64MB", min_wal_size="32MB")
    )


@add("postgresql-disk-full", "PostgreSQL's disk full", may={503}, testbed=_small_database_disk, clear_up=disks.unmount)
def fill_database_disk(testbed, seconds):
    """Not a byte is left. If PostgreSQL gave up, it is started as a supervisor would."""
    with disks.filled("postgresql"):
        time.sleep(seconds)
    if testbed.database.process.poll() is not None:
        testbed.database.kill()
        testbed.database.start()


def _with_a_clock(processes):
    compiler = shutil.which("cc")
    if not compiler:
        raise Skipped("there is no C compiler for a clock that is wrong")
    library, source = processes.directory / "clock.so", Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    clock = processes.directory / "clock"
    clock.write_text("0")
    return Testbed(processes, LD_PRELOAD=str(library), WRONG_BY=str(clock))


@add("clock-steps", "the server's clock 15 minutes ahead, then 15 behind, then right", may={401}, testbed=_with_a_clock)
def step_clock(testbed, seconds):
    """Of the server alone; PostgreSQL's stays right."""
    for seconds_wrong in (900, -900, 0):
        Path(testbed.web.env["WRONG_BY"]).write_text(str(seconds_wrong))
        time.sleep(seconds / 3)
