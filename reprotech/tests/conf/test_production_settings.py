"""Production refuses to start with settings that are fit for a first try alone."""

import base64
import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from audit.crypto.signed_note import VerifierKey
from reprotech import checks
from reprotech.conf.env import Environment
from reprotech.core.jwk import encode_public_key, public_key_of
from reprotech.testing.commands import evaluate

pytestmark = pytest.mark.only_on("sqlite")  # the settings are the same on every stack
GOOD = {
    "DEBUG": "false",
    "SECRET_KEY": "one-" * 12,
    "JWT_SECRET_KEY": "two-" * 12,
    "AUDIT_SIGNING_KEY": base64.b64encode(bytes(range(32))).decode(),
    "ALLOWED_HOSTS": "lab.example",
    "SECRET_KEY_FALLBACKS": "",
    "JWT_SECRET_KEY_FALLBACKS": "",
    "JWT_SIGNING_KEY": "",
    "JWT_SIGNING_KEY_FILE": "",
    "JWT_PUBLIC_KEYS": "",
    "AUDIT_TRUSTED_KEYS": "",
}
LOG_KEY = str(VerifierKey("lab.example/audit", bytes(range(32))))
SEED = base64.b64encode(bytes(range(1, 33))).decode()
PEM = """-----BEGIN {0}-----
MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g
-----END {0}-----"""
PUBLIC = encode_public_key(public_key_of(bytes(range(1, 33))))


def load(tmp_path, expression, **changed):
    """Python that loads the settings with these variables and prints an expression of theirs."""
    environment = {**os.environ, **GOOD, "LOG_DIR": str(tmp_path), **changed}
    return evaluate(f"from reprotech import settings; print({expression})", env=environment)


def start(tmp_path, **changed):
    """What loading the settings says; "" when they are fine."""
    done = load(tmp_path, "''", **changed)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def environment_with(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    return Environment(tmp_path / ".env")


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        *[
            ("https://lab.example.org", "https://lab.example.org"),
            ("https://Lab.Example.ORG/", "https://lab.example.org"),
        ],
        *[("https://lab.example:443", "https://lab.example"), ("HTTP://lab:80//", "http://lab")],
        *[("https://lab.example:8443/", "https://lab.example:8443"), ("https://lab.example.", "https://lab.example")],
        *[("https://bücher.example", "https://xn--bcher-kva.example"), ("http://lab_1", "http://lab_1")],
        *[
            ("https://лаб.рф:443/", "https://xn--80ac2a.xn--p1ai"),
            ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ],
        *[
            ("https://straße.example", "https://xn--strae-oqa.example"),
            ("http://10.0.0.1:5001", "http://10.0.0.1:5001"),
        ],
    ],
)
def test_an_address_becomes_what_browsers_send(tmp_path, monkeypatch, value, origin):
    assert environment_with(tmp_path, monkeypatch, "PUBLIC_URL", value).origin("PUBLIC_URL", "") == origin
    monkeypatch.setenv("CORS_ORIGINS", f" {value} ,{value}")
    assert Environment(tmp_path / ".env").origins("CORS_ORIGINS") == [origin, origin]


@pytest.mark.parametrize(
    "value",
    [
        *[
            "lab.example.org",
            "lab.example.org:443",
            "//lab.example.org",
            "ftp://lab.example.org",
            "https://",
            "https:lab",
        ],
        *[
            "https://lab/reprotech",
            "https://lab?x",
            "https://lab#x",
            "https://lab:0",
            "https://lab:99999",
            "https://lab:x",
        ],
        *["https://la b", "https://*.lab", "https://me:Zq7@lab", "https://lab..org", "https://-lab", "https://[::1"],
        *["https://192.168.1", "null", "*", "https://lab\\x", "https://a,b" * 100],
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(tmp_path, monkeypatch, value):
    env = environment_with(tmp_path, monkeypatch, "PUBLIC_URL", value)
    with pytest.raises(ImproperlyConfigured, match=r"^PUBLIC_URL needs an address such as .*: its? .*\.$") as refusal:
        env.origin("PUBLIC_URL", "")
    assert "Zq7" not in str(refusal.value)


def test_names_of_hosts_become_what_browsers_send_and_addresses_of_pages_are_refused(tmp_path, monkeypatch):
    value = "Lab.Example, .Bücher.example, 10.0.0.1, ::1, [2001:DB8::1], testserver"
    env = environment_with(tmp_path, monkeypatch, "ALLOWED_HOSTS", value)
    names = ["lab.example", ".xn--bcher-kva.example", "10.0.0.1", "[::1]", "[2001:db8::1]", "testserver"]
    assert env.hosts("ALLOWED_HOSTS", "", debug=False) == names
    for value in ("https://lab.example", "lab.example:443", "lab.example/", "*.lab.example", ".", "a b"):
        monkeypatch.setenv("ALLOWED_HOSTS", value)
        with pytest.raises(ImproperlyConfigured, match="must list names such as"):
            env.hosts("ALLOWED_HOSTS", "", debug=False)


def test_how_often_one_may_guess_can_be_set(tmp_path):
    chosen = {
        "LOGIN_FAILURES_PER_NAME": "5",
        "LOGIN_FAILURES_PER_ADDRESS": "20",
        "LOGIN_FAILURE_MINUTES": "30",
        "LOGIN_FAILURES_IN_A_ROW": "60",
        "TOKEN_CALLS_PER_MINUTE": "100",
        "KNOWN_DEVICE_DAYS": "7",
    }
    limits = "(limit for name, limit in settings.RATE_LIMITS.items() if name == 'token' or 'login' in name)"
    done = load(tmp_path, f"settings.KNOWN_DEVICE_LIFETIME.days, *{limits}", **chosen)
    assert done.stdout.split(" ", 1) == [
        "7",
        "5 per 30 minutes 5 per day 20 per 30 minutes 60 per 30 days 1 per 15 minutes 100 per minute\n",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"SECRET_KEY_FALLBACKS": "x" * 40, "JWT_SECRET_KEY_FALLBACKS": "y" * 40}, ""),
        ({"ALLOWED_HOSTS": "lab.example,*"}, "ALLOWED_HOSTS must name hosts"),
        ({"JWT_SECRET_KEY": GOOD["SECRET_KEY"]}, "SECRET_KEY and JWT_SECRET_KEY must differ"),
        ({"JWT_SECRET_KEY_FALLBACKS": GOOD["SECRET_KEY"]}, "SECRET_KEY and JWT_SECRET_KEY must differ"),
        ({"LOGIN_FAILURES_PER_NAME": "0"}, "LOGIN_FAILURES_PER_NAME must be a whole number"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is required"),
        ({"BUILD_ID": "release-2031.06+lab_1"}, ""),
        ({"BUILD_ID": "two words"}, "BUILD_ID must be a commit or another name"),
        ({"ADMIN_EMAIL": "chief"}, "ADMIN_EMAIL must be an e-mail address"),
        ({"JWT_SECRET_KEY": "short"}, "JWT_SECRET_KEY must be at least 32 bytes"),
        ({"JWT_SECRET_KEY_FALLBACKS": "short"}, "JWT_SECRET_KEY_FALLBACKS must be at least 32 bytes"),
        ({"JWT_SIGNING_KEY": SEED}, ""),
        ({"JWT_SIGNING_KEY": PEM.format("PRIVATE KEY"), "JWT_PUBLIC_KEYS": f"{PUBLIC}, {PUBLIC}"}, ""),
        ({"JWT_SIGNING_KEY": "short-and-wrong"}, "JWT_SIGNING_KEY must be 32 random bytes"),
        ({"JWT_SIGNING_KEY": PEM.format("RSA PRIVATE KEY")}, "JWT_SIGNING_KEY must be an Ed25519 private key"),
        ({"JWT_SIGNING_KEY_FILE": "/nowhere"}, "JWT_SIGNING_KEY_FILE names a file that can't be read"),
        ({"JWT_SIGNING_KEY": GOOD["AUDIT_SIGNING_KEY"]}, "JWT_SIGNING_KEY and AUDIT_SIGNING_KEY must differ"),
        # A private key listed by mistake would be told to everybody.
        ({"JWT_PUBLIC_KEYS": SEED}, "JWT_PUBLIC_KEYS must list public keys"),
        ({"JWT_PUBLIC_KEYS": PEM.splitlines()[1]}, "JWT_PUBLIC_KEYS must list public keys"),
        ({"JWT_PUBLIC_KEYS": f"{PUBLIC},nonsense-of-some-length"}, "JWT_PUBLIC_KEYS must list public keys"),
        ({"AUDIT_TRUSTED_KEYS": f"{LOG_KEY}, {LOG_KEY}"}, ""),
        # A private key listed by mistake isn't repeated either.
        ({"AUDIT_TRUSTED_KEYS": SEED}, "AUDIT_TRUSTED_KEYS must list public keys"),
        ({"AUDIT_TRUSTED_KEYS": LOG_KEY[:-3]}, "AUDIT_TRUSTED_KEYS must list public keys"),
        ({"SECRET_KEY": "your-secret-key-of-the-documentation-is-long"}, "SECRET_KEY is an example value"),
    ],
    ids=str,
)
def test_settings_of_a_first_try_stop_the_start(tmp_path, changed, said):
    found = start(tmp_path, **changed)
    assert said in found
    assert bool(said) == bool(found)
    assert not any(value in found for value in changed.values() if len(value) > 11)


@pytest.mark.parametrize(
    ("debug", "hosts", "warned"),
    [
        (True, ["localhost", "127.0.0.1", "[::1]"], False),
        (True, ["localhost", "lab.example"], True),
        (True, ["*"], True),
        (False, ["lab.example"], False),
    ],
)
def test_debugging_for_the_world_is_warned_of(settings, debug, hosts, warned):
    settings.DEBUG, settings.ALLOWED_HOSTS = debug, hosts
    assert bool(checks.debug_serves_this_machine_alone()) == warned
