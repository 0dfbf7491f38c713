"""The process that seals for all of the server's processes, restarted after any of them was killed."""

import json
import os
import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg
import pytest

from reprotech.testing.cast import eventually
from reprotech.testing.plugin import start_server

pytestmark = pytest.mark.only_on("postgresql")  # where the server has two processes


def audit_workers(server):
    """The processes that seal, as {process: parent}."""
    log = f"LOG_DIR={server.env['LOG_DIR']}".encode()
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
            is_ours = b"audit_worker" in words and log in (directory / "environ").read_bytes().split(b"\0")
            if is_ours:
                found[int(directory.name)] = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    return found


def sealed(server):
    """How many events the newest checkpoint covers, and how many there are."""
    with psycopg.connect(server.env["DATABASE_URL"]) as connection:
        return connection.execute(
            "SELECT coalesce((SELECT max(size) FROM audit_checkpoints), 0), (SELECT count(*) FROM audit_logs)"
        ).fetchone()


def refuse_a_stranger(server):
    """One more event."""
    body = json.dumps({"username": "nobody", "password": "wrong"}).encode()
    with pytest.raises(HTTPError, match="401"):
        urlopen(Request(f"{server.url}/api/auth/login", body, {"Content-Type": "application/json"}))


def seals(server):
    """Whether a new event is sealed."""
    refuse_a_stranger(server)
    events = sealed(server)[1]
    return eventually(lambda: sealed(server)[0] >= events)


def test_one_process_seals_and_is_there_again_after_any_was_killed(processes, stack):
    server = start_server(processes, stack, AUDIT_SEAL_SECONDS="1")
    first, parent = eventually(lambda: audit_workers(server)).popitem()
    assert seals(server)

    os.kill(first, signal.SIGKILL)
    second = eventually(lambda: {*audit_workers(server)} - {first}).pop()
    assert audit_workers(server) == {second: parent}
    assert "The audit worker ended (exit status -9). It is started again." in server.log.read_text()
    assert seals(server)

    os.kill(parent, signal.SIGKILL)
    third = eventually(lambda: {*audit_workers(server)} - {second}).pop()
    eventually(lambda: second not in audit_workers(server))
    assert audit_workers(server)[third] != parent
    assert seals(server)

    assert processes.stop(server.process) == 0
    eventually(lambda: not audit_workers(server))


def test_it_is_started_as_soon_as_it_gets_its_lock(processes, stack, tmp_path):
    in_the_way = tmp_path / "audit-worker.lock"
    in_the_way.mkdir()
    server = start_server(processes, stack, AUDIT_SEAL_SECONDS="1", PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    eventually(lambda: "The audit worker can't be started" in server.log.read_text())
    assert audit_workers(server) == {}
    in_the_way.rmdir()
    assert seals(server)
