"""The program that docs/security.md gives to lab modules checks tokens of a running server as it says."""

import base64
import json
import re
import secrets
from urllib.request import Request, urlopen

import jwt
import pytest

from reprotech.pytest_stack import ROOT, start_server

pytestmark = pytest.mark.only_on("sqlite")  # tokens are the same on both

GUIDE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
(PROGRAM,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def signing_server(stack, processes):
    """A server that signs tokens with a key pair."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    server = start_server(processes, stack, JWT_SIGNING_KEY=key, LOG_LEVEL="DEBUG")
    yield server
    processes.stop(server.process)


def test_a_module_reads_tokens_as_the_guide_says(signing_server):
    url = signing_server.env["PUBLIC_URL"]
    module = {}
    exec(PROGRAM.replace("https://auth.lab.example", url), module)  # noqa: S102 (it is our own documentation)
    body = json.dumps({"username": "admin", "password": "Admin123!"}).encode()
    with urlopen(Request(f"{url}/api/auth/login", body, {"Content-Type": "application/json"})) as answer:
        tokens = json.load(answer)
    claims = module["read_token"](tokens["access_token"])
    assert (claims["username"], claims["roles"]) == ("admin", ["Super Administrator"])
    header, _, signature = tokens["access_token"].split(".")
    payload = tokens["refresh_token"].split(".")[1]
    for forged in (tokens["refresh_token"], f"{header}.{payload}.{signature}", "x", jwt.encode(claims, "x" * 32)):
        with pytest.raises(jwt.PyJWTError):
            module["read_token"](forged)
    with urlopen(f"{url}/.well-known/jwks.json") as answer:
        told = answer.read().decode() + signing_server.lines() + signing_server.log.read_text()
    assert "jwks.json" in told
    assert signing_server.env["JWT_SIGNING_KEY"].rstrip("=") not in told
