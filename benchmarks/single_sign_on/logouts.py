"""How long after a person was locked their program hears of it."""

import random
import time

from benchmarks.faults.http_client import Client
from benchmarks.harness.environment import ROOT, answer_of, say
from benchmarks.single_sign_on.worker import LOCK, PASSWORD, SIGNED_IN
from reprotech.testing.servers import free_port, wait_for
from sso.tests.support.logout_receiver import LogoutReceiver

BY_API, BY_COMMAND = "locked at one of the workers", "locked by another process"
#: Until which a token that doesn't come is waited for.
PATIENCE = 60


def measure(processes, variables, worker, count):
    """{how it was done: [milliseconds from the answer to the arrival]}."""
    receiver = LogoutReceiver()
    people = iter(worker.order(SIGNED_IN, receiver.address))
    client = start_server(processes, variables)
    body = {"username": "admin", "password": PASSWORD}
    token = client.ask("POST", "/api/auth/login", body).body["access_token"]

    def by_api():
        answer = client.ask("POST", f"/api/users/{next(people)}/lock", token=token)
        assert answer.is_good, answer
        return answer.ended

    def by_command():
        worker.order(LOCK, next(people))
        return time.monotonic()

    found = {BY_API: [], BY_COMMAND: []}
    for number in range(count + 1):
        for how, act in ((BY_API, by_api), (BY_COMMAND, by_command)):
            # Not always at the same moment between two looks.
            time.sleep(random.uniform(1, 2))
            taken = arrival(receiver, act)
            if number:  # the first makes the signing key
                found[how].append(taken)
    say(f"  {2 * count} logout tokens")
    receiver.stop()
    return found


def arrival(receiver, act):
    """Milliseconds from the answer until one more token is there; 0 if it was there first."""
    before = len(receiver.tokens)
    answered = act()
    while len(receiver.tokens) == before:
        assert time.monotonic() < answered + PATIENCE, "no logout token came"
        time.sleep(0.001)
    return max(0, time.monotonic() - answered) * 1000


def start_server(processes, variables):
    """A client of a server with two worker processes."""
    port = free_port()
    home = processes.directory / f"server-{port}"
    home.mkdir()
    own = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WORKERS": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(home / "metrics"),
    }
    process = processes.start([ROOT / "deploy" / "serve"], home / "output", env=variables | own, cwd=home)
    wait_for(process, home / "output", lambda: answer_of(port, "/api/health/live"), patience=300)
    return Client(port, timeout=60)
