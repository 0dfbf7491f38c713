"""Processes of a server are killed while people work: nothing that was acknowledged is lost, and it is there again.

`python -m benchmarks.faults` does more to it, for longer.
"""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.faults import checks
from benchmarks.faults.http_client import CUT, REFUSED
from benchmarks.faults.load import Load
from benchmarks.faults.testbed import Testbed, eventually

# SQLite serves one process.
pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def testbed(processes):
    with closing(Testbed(processes, DEBUG="true")) as testbed:
        yield testbed


def people_get_on(load):
    """Whether what they do is acknowledged, of each kind."""
    writes = load.writes
    before = [len(writes.locked), len(writes.gone), len(writes.signed_out)]
    return eventually(
        lambda: all(
            now > then
            for now, then in zip([len(writes.locked), len(writes.gone), len(writes.signed_out)], before, strict=True)
        )
    )


def test_whatever_process_is_killed_nothing_acknowledged_is_lost_and_a_new_start_finds_its_port_free(testbed):
    load = Load(testbed.web.port, patience=60)
    with load.going_on():
        assert people_get_on(load)
        first = testbed.web.workers()[0]
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: first not in testbed.web.workers() and len(testbed.web.workers()) == 2)
        assert people_get_on(load)

        workers = testbed.web.workers()
        testbed.web.kill()
        assert eventually(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
        testbed.web.start_again()
    # 503: on a busy machine a connection to PostgreSQL may take longer than a request waits for it.
    assert {status for *_, status, is_fine in load.record.since(0) if not is_fine} <= {CUT, REFUSED, 503}
    assert checks.failures(testbed, load, patience=60, also_mails=False) == []
