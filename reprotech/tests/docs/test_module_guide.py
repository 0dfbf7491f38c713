"""The programs that docs/security.md gives to lab modules check tokens of a running server as it says."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import sys
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reprotech.core.jwk import encode_public_key, public_key_of, thumbprint
from reprotech.testing import servers as testing_servers
from reprotech.testing.plugin import ROOT, check_alive, start_server

pytestmark = pytest.mark.only_on("sqlite")  # tokens are the same on both

GUIDE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
PROGRAM, SETTINGS, VIEW = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
#: What any project of Django's has in its settings, and an address for the view.
PROJECT = """
SECRET_KEY = "{secret}"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "lab_urls"
USE_TZ = True
"""
URLS = (
    "from django.urls import path\nfrom lab_views import Samples\nurlpatterns = [path('samples', Samples.as_view())]\n"
)
MODULE_SECRET = secrets.token_urlsafe(48)
SEED, NEXT_SEED, OTHER_SEED = (secrets.token_bytes(32) for _ in range(3))
SAMPLES = "/samples"


def text_of(seed):
    return base64.b64encode(seed).decode()


@pytest.fixture(scope="module")
def signing_server(stack, processes):
    """A server that signs tokens with a key pair, and announces the next one."""
    listed = encode_public_key(public_key_of(NEXT_SEED))
    server = start_server(
        processes, stack, JWT_SIGNING_KEY=text_of(SEED), JWT_PUBLIC_KEYS=listed, LOG_LEVEL="DEBUG", WORKERS="1"
    )
    yield server
    kill(processes, server)


def kill(processes, server):
    """End it at once: it would wait ten seconds for the last calls."""
    os.killpg(server.process.pid, signal.SIGKILL)
    processes.stop(server.process)
    (ROOT / "run" / f"server-{server.env['PORT']}.lock").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def issuer(signing_server):
    """Where people reach the server, as its tokens say."""
    return signing_server.env["PUBLIC_URL"]


@pytest.fixture(scope="module")
def tokens(issuer):
    """The administrator's."""
    return sign_in(issuer)


def sign_in(url, username="admin", password="Admin123!"):
    return send(f"{url}/api/auth/login", {"username": username, "password": password})[1]


def send(url, body=None, token="", scheme="Bearer"):
    """The status and the answer."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"{scheme} {token}"} if token else {})}
    try:
        with urlopen(Request(url, None if body is None else json.dumps(body).encode(), headers), timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()


@pytest.fixture(scope="module")
def lab_module(processes, issuer, tmp_path_factory):
    """A module in a process of its own, made of Django, REST framework, Simple JWT and the guide; its address."""
    home, port = tmp_path_factory.mktemp("module"), testing_servers.free_port()
    settings = PROJECT.format(secret=MODULE_SECRET) + SETTINGS.replace("https://auth.lab.example", issuer)
    (home / "lab_settings.py").write_text(settings)
    (home / "lab_views.py").write_text(VIEW)
    (home / "lab_urls.py").write_text(URLS)
    command = [sys.executable, "-m", "django", "runserver", "--noreload", "--settings=lab_settings"]
    # It must know nothing of ours: neither variables nor modules.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(home), "HOME": str(home)}
    log, address = home / "output", f"127.0.0.1:{port}"
    process = processes.start([*command, "--skip-checks", address], log, env=environment, cwd=home)
    url = f"http://{address}{SAMPLES}"
    testing_servers.wait_for(process, log, lambda: probe(url))
    yield url
    processes.stop(process)
    assert "Traceback" not in log.read_text()


def probe(url):
    try:
        urlopen(url, timeout=30).close()
    except HTTPError as refusal:
        assert refusal.code == 401  # noqa: PT017 (any other answer is a fault)


def test_a_module_reads_tokens_as_the_guide_says(signing_server, issuer, tokens):
    module = {}
    exec(PROGRAM.replace("https://auth.lab.example", issuer), module)  # noqa: S102 (it is our own documentation)
    claims = module["read_token"](tokens["access_token"])
    assert (claims["username"], claims["roles"]) == ("admin", ["Super Administrator"])
    header, _, signature = tokens["access_token"].split(".")
    payload = tokens["refresh_token"].split(".")[1]
    for forged in (tokens["refresh_token"], f"{header}.{payload}.{signature}", "x", jwt.encode(claims, "x" * 32)):
        with pytest.raises(jwt.PyJWTError):
            module["read_token"](forged)
    with urlopen(f"{issuer}/.well-known/jwks.json") as answer:
        told = answer.read().decode() + signing_server.lines() + signing_server.log.read_text()
    assert "jwks.json" in told
    assert signing_server.env["JWT_SIGNING_KEY"].rstrip("=") not in told


def test_a_module_in_rest_framework_takes_our_access_token_by_settings_alone(lab_module, tokens):
    user = tokens["user"]
    expected = {"user_id": user["id"], "username": "admin", "roles": ["Super Administrator"]}
    assert send(lab_module, token=tokens["access_token"]) == (200, expected)


def part(content):
    return base64.urlsafe_b64encode(content if isinstance(content, bytes) else json.dumps(content).encode()).rstrip(
        b"="
    )


def signed(claims, seed=SEED, kid=None):
    headers = {"kid": thumbprint(public_key_of(seed)) if kid is None else kid}
    return jwt.encode(claims, Ed25519PrivateKey.from_private_bytes(seed), algorithm="EdDSA", headers=headers)


def with_mac(claims, key):
    """By HMAC with the public key, as if it were a secret."""
    content = part({"alg": "HS256", "typ": "JWT", "kid": thumbprint(public_key_of(SEED))}) + b"." + part(claims)
    return (content + b"." + part(hmac.new(key, content, hashlib.sha256).digest())).decode()


def forgeries(claims, issuer):
    """What a module must refuse, by what is wrong with it."""
    now = int(time.time())
    header = {"alg": "none", "typ": "JWT", "kid": thumbprint(public_key_of(SEED))}
    public = Ed25519PublicKey.from_public_bytes(public_key_of(SEED))
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    left_out = {name: {key: value for key, value in claims.items() if key != name} for name in ("exp", "type", "jti")}
    return {
        "another key": signed(claims, OTHER_SEED),
        "another key under our name": signed(claims, OTHER_SEED, thumbprint(public_key_of(SEED))),
        "unknown kid": signed(claims, SEED, "unknown"),
        "no signature": (part(header) + b"." + part(claims) + b".").decode(),
        "public key as a secret": with_mac(claims, public_key_of(SEED)),
        "public key in PEM as a secret": with_mac(claims, pem),
        "its own SECRET_KEY": jwt.encode(claims, MODULE_SECRET, algorithm="HS256"),
        "expired": signed({**claims, "iat": now - 100, "exp": now - 60}),
        "another audience": signed({**claims, "aud": "https://other.lab.example"}),
        "another issuer": signed({**claims, "iss": "https://other.lab.example"}),
        "audience of refresh tokens": signed({**claims, "aud": f"{issuer}/api/auth/refresh"}),
        "type of refresh tokens": signed({**claims, "type": "refresh"}),
        "type of the second step": signed({**claims, "type": "mfa"}),
        **{f"without {name}": signed(changed) for name, changed in left_out.items()},
        "header that is no JSON": (part(b"\xff{") + b"." + part(claims) + b".x").decode(),
        "no token": "x",
    }


def test_a_module_in_rest_framework_refuses_everything_else(lab_module, issuer, tokens, signing_server):
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert send(lab_module, token=signed(claims))[0] == 200, "what is forged below is good before"
    now = int(time.time())
    step = {"type": "mfa", "user_id": 1, "jti": uuid4().hex, "state": "0" * 64, "iat": now, "exp": now + 300}
    presented = {
        "refresh token": tokens["refresh_token"],
        "second step's token": jwt.encode(step, signing_server.env["JWT_SECRET_KEY"], algorithm="HS256"),
        **forgeries(claims, issuer),
    }
    assert {name: send(lab_module, token=token)[0] for name, token in presented.items()} == dict.fromkeys(
        presented, 401
    )
    assert send(lab_module)[0] == send(lab_module, token=tokens["access_token"], scheme="Token")[0] == 401


def test_who_must_change_their_password_first_holds_no_role_in_a_module(lab_module, issuer, tokens):
    newcomer = {"username": "newcomer", "email": "newcomer@lab.example", "roles": ["Laboratory Technician"]}
    first, second = ({"password": password} for password in ("Correct-Horse-7", "Correct-Horse-8"))
    status, answer = send(f"{issuer}/api/users", {**newcomer, **first}, tokens["access_token"])
    assert status == 201, answer
    mine = sign_in(issuer, "newcomer", first["password"])
    assert send(lab_module, token=mine["access_token"])[0] == 200
    reset = f"{issuer}/api/users/{mine['user']['id']}/reset-password"
    assert send(reset, second, tokens["access_token"])[0] == 200
    theirs = sign_in(issuer, "newcomer", second["password"])
    assert send(lab_module, token=theirs["access_token"])[0] == 403


def test_an_ended_session_shows_only_to_introspection(lab_module, issuer, tokens):
    ended = sign_in(issuer)["access_token"]
    assert send(f"{issuer}/api/auth/logout", {}, ended)[0] == 200
    assert send(f"{issuer}/api/auth/introspect", {"token": ended}, tokens["access_token"])[1] == {"active": False}
    assert send(lab_module, token=ended)[0] == 200


def test_tokens_of_a_newly_rotated_key_are_taken_at_once(lab_module, issuer, tokens, signing_server, processes):
    """Last in this file: the server goes on with the new key."""
    assert send(lab_module, token=tokens["access_token"])[0] == 200
    kill(processes, signing_server)
    signing_server.env["JWT_SIGNING_KEY"] = text_of(NEXT_SEED)
    signing_server.env["JWT_PUBLIC_KEYS"] = encode_public_key(public_key_of(SEED))
    log = signing_server.log
    process = processes.start([ROOT / "scripts" / "server"], log, env=signing_server.env, cwd=log.parent)
    testing_servers.wait_for(process, log, lambda: check_alive(int(signing_server.env["PORT"])), patience=300)
    signing_server.process = process
    renewed = send(f"{issuer}/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})[1]["access_token"]
    assert jwt.get_unverified_header(renewed)["kid"] == thumbprint(public_key_of(NEXT_SEED))
    assert [send(lab_module, token=token)[0] for token in (renewed, tokens["access_token"])] == [200, 200]
