"""Schemathesis reads the project's own OpenAPI schema and calls the running server in every way it thinks of."""

import json
import re
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from reprotech.testing.plugin import start_server

# The views are the same on every stack; once is enough for the slowest test.
pytestmark = pytest.mark.only_on("postgresql")

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture
def open_server(stack, processes):
    """A server that takes any number of wrong logins, which Schemathesis makes."""
    server = start_server(processes, stack, RATE_LIMIT_ENABLED="false")
    yield server
    processes.stop(server.process)


def sign_in(server):
    body = json.dumps({"username": "admin", "password": "Admin123!"}).encode()
    request = Request(f"{server.url}/api/auth/login", body, {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return json.load(answer)["access_token"]


def test_no_call_finds_a_server_error_or_an_undocumented_answer(open_server):
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{open_server.url}/api/schema"]
    command += ["--header", f"Authorization: Bearer {sign_in(open_server)}"]
    # Signing out would leave nothing but 401s to the calls that follow.
    command += ["--exclude-path", "/api/auth/logout"]
    command += ["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"]
    command += ["--max-examples", "8", "--generation-deterministic", "--no-color"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=open_server.log.parent)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert re.search(r"\b[1-9]\d* passed", done.stdout)
