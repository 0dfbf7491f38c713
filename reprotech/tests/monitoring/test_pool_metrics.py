"""Monitoring reads of the database connections of every process of a server, whichever answers."""

import os
import signal
from pathlib import Path
from urllib.request import urlopen

import pytest

from reprotech.testing.cast import eventually
from reprotech.testing.plugin import start_server

# SQLite has no pool.
pytestmark = pytest.mark.only_on("postgresql")

POOL_SIZE, PROCESSES = 7, 2


@pytest.fixture
def server(processes):
    server = start_server(processes, "postgresql", DATABASE_POOL_SIZE=str(POOL_SIZE))
    yield server
    processes.stop(server.process)


def workers(server):
    """The processes that a server started, by number."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(child) for child in children.split()]


def measured(server):
    with urlopen(f"{server.url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("reprotech_database_pool_"))
    return {name.removeprefix("reprotech_database_pool_"): float(value) for name, value in pairs}


def has_noted(server, worker):
    """Whether a process has noted what its pool is like; its first moments pass without a note."""
    return note(server, worker).exists() and b"used" in note(server, worker).read_bytes()


def note(server, worker):
    return Path(server.env["PROMETHEUS_MULTIPROC_DIR"]) / f"gauge_livesum_{worker}.db"


def test_pools_of_all_processes_are_summed_and_those_of_dead_ones_are_left_out(server):
    # Nobody was asked yet.
    assert eventually(lambda: len(workers(server)) == PROCESSES)
    assert all(eventually(lambda worker=worker: has_noted(server, worker)) for worker in workers(server))
    # On a busy machine one of their own threads may have waited when they took the note.
    assert eventually(lambda: measured(server)["waiting"] == 0)
    found = measured(server)
    assert found["limit"] == POOL_SIZE * PROCESSES
    assert 1 <= found['connections{state="used"}'] + found['connections{state="idle"}'] <= found["limit"]
    first, second = workers(server)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: len(set(workers(server)) - {first, second}) == 1)
    [new] = set(workers(server)) - {first, second}
    assert eventually(lambda: has_noted(server, new))
    assert measured(server)["limit"] == POOL_SIZE * PROCESSES
    assert not note(server, first).exists()
