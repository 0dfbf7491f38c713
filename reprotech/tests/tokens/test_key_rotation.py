"""Replacing SECRET_KEY and JWT_SECRET_KEY: what the old key signed stays good while it is listed, and no longer."""

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.notifications.links import is_valid_link, reset_tokens
from accounts.sessions import jwt_signing
from audit.crypto.sealed_row import is_authentic
from audit.models import AuditLog
from audit.sealing.sealer import Sealer
from reprotech.conf.env import Environment
from reprotech.testing.client import Caller, page_client

OLD, NEW, OTHER = "old-" * 12, "new-" * 12, "other-" * 8


@pytest.fixture
def jwt_key(settings):
    """Make this the key for tokens, and those the ones before it."""

    def replace(key, *before):
        settings.JWT_SECRET_KEY, settings.JWT_SECRET_KEY_FALLBACKS = key, list(before)

    replace(OLD)
    return replace


def me(token):
    return Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code


def test_tokens_of_a_replaced_key_are_good_while_it_is_listed(jwt_key, viewer):
    token = viewer.token
    jwt_key(NEW, OTHER, OLD)
    assert me(token) == 200
    assert Caller().post("/api/auth/refresh", {"refresh_token": viewer.signed_in.pair.refresh_token}).status_code == 200
    jwt_key(NEW)
    assert me(token) == 401


def test_new_tokens_are_signed_with_the_new_key_alone(jwt_key, cast):
    jwt_key(NEW, OLD)
    token = Caller(cast.viewer).token
    assert jwt.get_unverified_header(token)["kid"] == jwt_signing.key_id(NEW)
    assert jwt.decode(token, NEW, algorithms=["HS256"])["type"] == "access"
    jwt_key(OLD)
    assert me(token) == 401


def test_a_token_without_a_key_id_is_tried_with_each_key(jwt_key, viewer):
    claims = jwt.decode(viewer.token, OLD, algorithms=["HS256"])
    jwt_key(NEW, OLD)
    assert me(jwt.encode(claims, OLD, algorithm="HS256")) == 200
    assert me(jwt.encode(claims, NEW, algorithm="HS256")) == 200
    assert me(jwt.encode(claims, OTHER, algorithm="HS256")) == 401


@pytest.mark.parametrize("kid", ["", "nonsense", "../../dev/null", jwt_signing.key_id(NEW), "\x00"])
def test_a_key_id_that_fits_no_or_another_key_opens_nothing(jwt_key, viewer, kid):
    claims = jwt.decode(viewer.token, OLD, algorithms=["HS256"])
    jwt_key(NEW, OLD)
    assert me(jwt.encode(claims, OLD, algorithm="HS256", headers={"kid": kid})) == 401


def test_cookies_links_and_audit_rows_of_a_replaced_secret_are_good_while_it_is_listed(settings, cast):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    browser, link = page_client(cast.viewer), reset_tokens.make_token(cast.viewer)
    row = AuditLog.objects.latest("id")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert browser.get("/profile").status_code == 200
    cast.viewer.refresh_from_db()
    assert is_valid_link(cast.viewer, link)
    assert is_authentic(row.sealed_row(), bytes(row.authentication))
    settings.SECRET_KEY_FALLBACKS = []
    assert browser.get("/profile").status_code == 302
    assert not is_authentic(row.sealed_row(), bytes(row.authentication))
    assert not is_valid_link(cast.viewer, link)


#: Present key and fallbacks of a server before the rotation, after each step of it, and after the last.
STEPS = {"before": (OLD, []), "announced": (OLD, [NEW]), "replaced": (NEW, [OLD]), "done": (NEW, [])}


@pytest.fixture
def on_server(settings):
    """Make this process one whose two secrets are as far as that."""

    def become(step):
        key, before = STEPS[step]
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = key, before
        settings.JWT_SECRET_KEY, settings.JWT_SECRET_KEY_FALLBACKS = f"jwt-{key}", [f"jwt-{other}" for other in before]

    return become


def meetings():
    """Every two steps at which two of three servers are at once while they take one step after another."""
    servers = ["before"] * 3
    for step in list(STEPS)[1:]:
        for number in range(3):
            servers[number] = step
            yield from ((signer, reader) for signer in servers for reader in servers if signer != reader)


def understood(on_server, caller, signer, reader, caplog):
    """Whether a server takes another's tokens, cookies and events, and seals the latter without an alarm."""
    Sealer().seal()
    on_server(signer)
    browser, token = page_client(caller), Caller(caller).token
    on_server(reader)
    caplog.clear()
    statuses = browser.get("/profile").status_code, me(token)
    refused = Sealer().seal().refused
    assert bool(refused) is ("didn't write" in caplog.text)
    return statuses == (200, 200) and not refused


@pytest.mark.parametrize(("signer", "reader"), sorted(set(meetings())))
def test_servers_that_rotate_one_after_another_understand_each_other(on_server, cast, caplog, signer, reader):
    assert understood(on_server, cast.viewer, signer, reader, caplog)


def test_without_announcing_the_key_they_would_not(on_server, cast, caplog):
    assert not understood(on_server, cast.viewer, "replaced", "before", caplog)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", []),
        (" , ", []),
        (f"{OLD}, {OTHER}", [OLD, OTHER]),
        ("short", "at least 32 bytes"),
        (f"{OLD},short", "at least 32 bytes"),
        (f"{OLD},change-this-{OTHER}", "example value"),
    ],
)
def test_production_takes_no_weak_key_as_a_replaced_one(tmp_path, monkeypatch, value, found):
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", value)
    read = Environment(tmp_path / ".env").old_secrets
    if isinstance(found, list):
        assert read("SECRET_KEY_FALLBACKS", debug=False) == found
    else:
        with pytest.raises(ImproperlyConfigured, match=found) as refusal:
            read("SECRET_KEY_FALLBACKS", debug=False)
        assert OLD not in str(refusal.value)
        assert "short" not in str(refusal.value)
