"""The same with limits on, as installations have them: guesses end in 429, and duplicates that race count once."""

import json
from collections import Counter

import pytest

from reprotech.testing.plugin import start_server
from reprotech.tests.security import forged_identities, malformed_requests
from reprotech.tests.security.attack_lab import ADMIN, JSON, PASSWORD, Lab, Shot, faults, log_faults, server_variables

pytestmark = pytest.mark.only_on("postgresql")  # processes that share a counter and race for rows


@pytest.fixture(scope="module")
def lab(stack, processes):
    """A server with two processes and its limits."""
    # Those settings: guesses overlap for as long as a real check takes.
    real = {"RATE_LIMIT_ENABLED": "true", "DJANGO_SETTINGS_MODULE": "reprotech.settings"}
    server = start_server(processes, stack, **{**server_variables(), **real})
    lab = Lab(server)
    lab.settle()
    yield lab
    lab.close()
    processes.stop(server.process)


def race(lab, count, method, path, body=None, token=""):
    """So many of the same request at once; how often each status came back."""
    headers = {**JSON, **({"Authorization": f"Bearer {token}"} if token else {})}
    shot = Shot("race", method, path, headers, None if body is None else json.dumps(body))
    fired = lab.fire([shot] * count, threads=count)
    assert faults(lab, fired) == {}
    return Counter(answer.status for _, answer in fired)


def test_a_sample_of_everything_changes_nothing_with_limits_on_either(lab):
    makers = (*forged_identities.ALL, *malformed_requests.ALL)
    shots = [shot for make in makers for position, shot in enumerate(make(lab)) if position % 25 == 0]
    before, written = lab.tables(), len(lab.log())
    assert faults(lab, lab.fire(shots)) == {}
    after = lab.tables()
    assert set(before.pop("audit_logs")) <= set(after.pop("audit_logs"))
    assert after == before
    assert log_faults(lab, written) == []


def test_of_racing_guesses_ten_are_looked_at(lab):
    guess = {"username": "the-victim", "password": "Wrong-Horse-7"}
    assert race(lab, 24, "POST", "/api/auth/login", guess) == {401: 10, 429: 14}


def test_duplicates_that_race_count_once(lab):
    root = lab.admin["access_token"]
    person = {"username": "twin", "email": "twin@lab.example", "password": PASSWORD, "roles": ["Viewer"]}
    made = race(lab, 12, "POST", "/api/users", person, root)
    assert made[201] == 1
    assert set(made) <= {201, 400, 409}
    role = race(lab, 12, "POST", "/api/roles", {"name": "Twin Shift"}, root)
    assert role[201] == 1
    assert set(role) <= {201, 400, 409}
    roles = {role["name"]: role["id"] for role in lab.call("GET", "/api/roles", token=root)["roles"]}
    assert race(lab, 12, "DELETE", f"/api/roles/{roles['Twin Shift']}", token=root) == {200: 1, 404: 11}
    spent = {"refresh_token": lab.login("twin")["refresh_token"]}
    assert race(lab, 12, "POST", "/api/auth/refresh", spent) == {200: 1, 401: 11}
    wanted = {"name": "Twin", "scopes": [], "current_password": ADMIN[1]}
    key = lab.call("POST", "/api/auth/keys", wanted, root)["key"]["id"]
    assert race(lab, 12, "DELETE", f"/api/auth/keys/{key}", token=root)[200] == 1
