"""npm's openid-client, which is certified and strict, from discovery to the sign-out, against a running server."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from reprotech.testing.plugin import ROOT, require
from sso.tests.clients.conftest import CALLBACK, SIGNED_OUT

PROGRAM = Path(__file__).with_name("openid_client.mjs")


@pytest.fixture(scope="module")
def node():
    require((ROOT / "node_modules" / "openid-client").exists(), "openid-client (python -m scripts.assets)")
    found = shutil.which("node")
    require(found, "Node.js")
    return found


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_from_discovery_to_the_sign_out(provider, browser, node, kind, algorithm):
    slug = f"n{kind[:3]}{algorithm[:2].lower()}"
    client_id, secret = provider.register(f"Node {kind} {algorithm}", kind=kind, signing_alg=algorithm, slug=slug)
    command = [node, str(PROGRAM), provider.issuer, client_id, secret, CALLBACK, algorithm, SIGNED_OUT]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=ROOT, **pipes) as program:
        for line in program.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                break
            program.stdin.write(f"{browser.visit(line.strip())}\n")
            program.stdin.flush()
        errors = program.stderr.read()
        assert program.wait(30) == 0, errors
    assert told["claims"]["iss"] == provider.issuer
    assert told["claims"]["amr"] == ["pwd"]
    assert told["userinfo"]["preferred_username"] == "admin"
    assert "super_admin" in told["userinfo"]["groups"]  # other tests give the administrator more
    assert told["renewed"] is True
    assert told["reuse"] == "invalid_grant"
    assert told["active"] is (True if secret else None)
    assert told["revoked"] != "nothing"
    assert told["home"] == f"{SIGNED_OUT}?state=bye"
    assert told["silent"] == "login_required"
