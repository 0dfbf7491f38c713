"""Thousands of malformed, forged and racing requests at a running server: no 500, no change, no leak."""

import random

import pytest

from reprotech.testing.plugin import start_server
from reprotech.tests.security import forged_identities, malformed_requests
from reprotech.tests.security.attack_lab import Lab, faults, kinds_of, log_faults, server_variables

# The views are the same on every stack, and one process on SQLite takes three times as long.
pytestmark = pytest.mark.only_on("postgresql")

#: The least of each kind, so that no change of routes or cast makes the suite miss its target in silence.
LEAST = {
    "forged": 2_000,
    "trespass": 300,
    "override": 600,
    "filter": 1_500,
    "form": 400,
    "body": 300,
    "generated": 300,
    "path": 300,
    "header": 400,
    "host": 80,
    **{f"csrf {number}": 70 for number in range(5)},
    **{f"mass {who}": 60 for who in ("viewer", "admin")},
}


@pytest.fixture
def lab(stack, processes):
    """A server with two processes and people in it."""
    server = start_server(processes, stack, **server_variables())
    lab = Lab(server)
    lab.settle()
    yield lab
    lab.close()
    processes.stop(server.process)


def test_thousands_of_hostile_requests_change_nothing_and_learn_nothing(lab):
    shots = [shot for make in (*forged_identities.ALL, *malformed_requests.ALL) for shot in make(lab)]
    random.Random(5).shuffle(shots)
    before, (_, newest), written = lab.tables(), lab.recorded(), len(lab.log())
    fired = lab.fire(shots)
    assert faults(lab, fired) == {}
    after = lab.tables()
    # Events from before stand as they were, and the new ones tell of refusals; reading all of a list is on record too.
    assert set(before.pop("audit_logs")) <= set(after.pop("audit_logs"))
    assert lab.recorded(newest)[0] == {("access_denied", False), ("export", True)}
    assert after == before
    assert log_faults(lab, written) == []
    sent = kinds_of(fired)
    assert sum(sent.values()) > 6_000
    assert {kind: sent[kind] for kind, least in LEAST.items() if sent[kind] < least} == {}
    assert lab.call("GET", "/api/auth/me", token=lab.viewer["access_token"])["username"] == "the-viewer"
