"""Without Redis the processes of one server share their counters, so that limits hold exactly with several of them."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from limits.errors import StorageError

from accounts.throttling import rate_limits, shared_counters
from accounts.throttling.shared_counters import FileStorage, shared_file
from reprotech.core.exceptions import TooManyAttempts
from reprotech.testing.plugin import ROOT, start_server
from reprotech.tests.security.test_login_throttle_races import send

COUNT_A_HUNDRED_TIMES = """
import sys
from accounts.throttling.shared_counters import FileStorage
storage = FileStorage(sys.argv[1])
print(*[storage.incr("name", 60) for _ in range(100)])
"""


@pytest.fixture
def path(monkeypatch, settings):
    """Of the file, which this process shares with others."""
    settings.REDIS_URL = ""
    with shared_file():
        yield os.environ[shared_counters.PATH_VARIABLE]


def test_processes_that_count_at_once_never_count_the_same(path):
    command = [sys.executable, "-c", COUNT_A_HUNDRED_TIMES, path]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    counted = [int(number) for process in running for number in process.communicate(timeout=60)[0].split()]
    assert sorted(counted) == list(range(1, 301))


def test_two_processes_allow_as_many_as_one(path, monkeypatch):
    others = FileStorage(path)
    for number in range(10):
        if number % 2:
            monkeypatch.setattr(rate_limits, "_file", lambda _: others)
        rate_limits.count("login_name", "someone")
    with pytest.raises(TooManyAttempts) as refusal:
        rate_limits.count("login_name", "someone")
    assert 0 < refusal.value.retry_after <= 15 * 60
    assert rate_limits.is_exceeded("login_name", "someone")
    rate_limits.clear("login_name", "someone")
    rate_limits.count("login_name", "someone")


def test_a_window_begins_with_its_first_event_and_ends(path, monkeypatch):
    storage, now = FileStorage(path), [1_000.0]
    monkeypatch.setattr(shared_counters.time, "time", lambda: now[0])
    assert [storage.incr("name", 60), storage.incr("name", 600)] == [1, 2]
    assert storage.get_expiry("name") == 1_060
    now[0] = 1_030
    assert [storage.incr("name", 60, -2), storage.get("name"), storage.incr("name", 60)] == [0, 0, 1]
    assert storage.get_expiry("name") == 1_090
    now[0] = 1_090
    assert [storage.get("name"), storage.incr("name", 60)] == [0, 1]


def test_counters_that_are_over_are_removed_and_there_is_an_end_to_the_others(path, monkeypatch):
    monkeypatch.setattr(shared_counters, "CLEANING_INTERVAL", 10)
    monkeypatch.setattr(shared_counters, "MAX_COUNTERS", 5)
    storage = FileStorage(path)
    for number in range(9):
        storage.incr(f"over {number}", -1)
    storage.incr("good", 60)
    for number in range(10):
        storage.incr(f"many {number}", 100 + number)
    with sqlite3.connect(path) as connection:
        kept = {name for (name,) in connection.execute("SELECT name FROM counters")}
    connection.close()
    assert kept == {f"many {number}" for number in range(5, 10)}


def test_only_the_servers_user_can_open_it_and_it_goes_with_the_server():
    with shared_file():
        path = Path(os.environ[shared_counters.PATH_VARIABLE])
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.parent.exists()
    assert shared_counters.PATH_VARIABLE not in os.environ


def test_without_room_for_it_each_process_counts_for_itself(path, caplog):
    Path(path).mkdir()
    with pytest.raises(StorageError):
        FileStorage(path).check()
    rate_limits._file.cache_clear()
    for _ in range(10):
        rate_limits.count("login_name", "someone")
    with pytest.raises(TooManyAttempts):
        rate_limits.count("login_name", "someone")
    assert "The file of counters is out of reach" in caplog.text


@pytest.mark.only_on("sqlite")  # without Redis on either
def test_a_server_of_two_processes_looks_at_ten_attempts_and_no_more(processes, tmp_path):
    server = start_server(processes, "sqlite", WORKERS="2", REDIS_URL="", TMPDIR=str(tmp_path))
    port = int(server.url.rpartition(":")[2])
    body = '{"username": "admin", "password": "Wrong-Horse-7"}'

    def fail_login(_):
        return send(port, "POST", "/api/auth/login", body, Content_Type="application/json")[0]

    with ThreadPoolExecutor(8) as threads:
        found = Counter(threads.map(fail_login, range(32)))
    made = list(tmp_path.glob("reprotech-counters-*"))
    assert processes.stop(server.process) == 0
    assert found == {401: 10, 429: 22}
    assert len(made) == 1
    assert not made[0].exists()
