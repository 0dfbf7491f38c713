"""The keys that sign ID tokens: made once, published before use, replaced, retired, unreadable in the database."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.core.encryption import decrypt
from reprotech.core.actors import System
from reprotech.testing.cast import at_once, audit_rows
from sso.keys import services as key_services
from sso.keys import signatures
from sso.keys.signatures import InvalidToken
from sso.models import SigningAlgorithm, SigningKey
from sso.tests.support.program import change

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_keys(monkeypatch):
    """They are made in a tenth of the time."""
    monkeypatch.setattr(signatures, "RSA_BITS", 2048)


def published():
    return [key["kid"] for key in key_services.published_keys()]


def rotate(**options):
    return key_services.rotate_key(actor=System(), algorithm="RS256", **options)


def kid_of(token):
    return signatures.key_id_in(token)


@pytest.mark.django_db(transaction=True)
def test_two_processes_make_one_key():
    tokens = at_once(*[lambda: key_services.sign_token({"sub": "1"}, algorithm="RS256")] * 4)
    assert len({kid_of(token) for token in tokens}) == 1
    assert SigningKey.objects.count() == 1


@pytest.mark.parametrize("algorithm", SigningAlgorithm.values)
def test_what_a_key_signs_is_verified(algorithm):
    token = key_services.sign_token({"sub": "1", "name": "Łódź"}, algorithm=algorithm)
    assert key_services.read_own_token(token) == {"sub": "1", "name": "Łódź"}


def test_a_new_key_is_published_a_day_before_it_signs():
    old = kid_of(key_services.sign_token({}, algorithm="RS256"))
    with audit_rows() as rows:
        new = rotate()
    assert [(row.action, row.resource, row.resource_id) for row in rows] == [
        ("create", "signing_key", new.kid),
        ("update", "signing_key", old),
    ]
    assert set(published()) == {old, new.kid}
    assert kid_of(key_services.sign_token({}, algorithm="RS256")) == old
    past = timezone.now() - timedelta(minutes=1)
    change(new, signs_from=past)
    change(SigningKey.objects.get(kid=old), retired_at=past)
    assert kid_of(key_services.sign_token({}, algorithm="RS256")) == new.kid
    # Until the last ID token that the old one signed has expired.
    assert set(published()) == {old, new.kid}
    change(SigningKey.objects.get(kid=old), retired_at=timezone.now() - key_services.PUBLISHED_AFTER_USE)
    assert published() == [new.kid]


def test_a_key_that_waits_is_not_overtaken():
    key_services.sign_token({}, algorithm="RS256")
    rotate()
    with pytest.raises(CommandError, match="A new key waits already"):
        call_command("oidc_key", "rotate")


def test_after_a_theft_a_key_is_replaced_and_withdrawn_at_once():
    token = key_services.sign_token({"sub": "1"}, algorithm="RS256")
    with pytest.raises(CommandError, match="No other key of this algorithm signs"):
        call_command("oidc_key", "retire", kid_of(token))
    call_command("oidc_key", "rotate", "--now", verbosity=0)
    call_command("oidc_key", "retire", kid_of(token), "--now", verbosity=0)
    assert kid_of(token) not in published()
    assert kid_of(key_services.sign_token({}, algorithm="RS256")) != kid_of(token)
    with pytest.raises(InvalidToken):
        key_services.read_own_token(token)


def test_the_command_lists_the_keys(capsys):
    call_command("oidc_key", "list")
    assert "There is no key yet" in capsys.readouterr().out
    kid = kid_of(key_services.sign_token({}, algorithm="ES256"))
    call_command("oidc_key", "list")
    assert f"ES256  {kid} signs since" in capsys.readouterr().out


def test_the_database_can_neither_use_nor_replace_a_key():
    key_services.sign_token({}, algorithm="RS256")
    row = SigningKey.objects.get()
    assert "PRIVATE KEY" not in row.private_key
    other = rotate(at_once=True)
    # The ciphertext of one key in the row of another.
    change(row, private_key=other.private_key, retired_at=None)
    assert published() == [other.kid]


def test_a_replaced_secret_key_still_opens_the_keys_and_encrypts_them_again(settings):
    kid = kid_of(key_services.sign_token({}, algorithm="RS256"))
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [old]
    with audit_rows() as rows:
        assert kid_of(key_services.sign_token({}, algorithm="RS256")) == kid
    assert [(row.action, row.details["concealed"]) for row in rows] == [("update", ["private_key"])]
    settings.SECRET_KEY_FALLBACKS = []
    assert kid_of(key_services.sign_token({}, algorithm="RS256")) == kid


def test_without_the_old_secret_key_nothing_is_signed_and_a_new_key_helps(settings):
    key_services.sign_token({}, algorithm="RS256")
    settings.SECRET_KEY = "n" * 50
    with pytest.raises(key_services.SigningKeyUnavailable):
        key_services.sign_token({}, algorithm="RS256")
    new = rotate(at_once=True)
    assert kid_of(key_services.sign_token({}, algorithm="RS256")) == new.kid


def forged_tokens():
    """Tokens that none of the keys signed, under the ids of keys that did sign others."""

    def part(value):
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")

    genuine = key_services.sign_token({"sub": "1"}, algorithm="RS256")
    kid = kid_of(genuine)
    claims = part({"sub": "2"})
    public = signatures.from_pem.__wrapped__("RS256", _pem(kid)).as_pem(private=False)
    for header in ({"alg": "none"}, {"alg": "None"}, {"alg": "nOnE"}):
        yield part({**header, "kid": kid}) + b"." + claims + b"."
    signed = part({"alg": "HS256", "kid": kid}) + b"." + claims
    yield signed + b"." + part(hmac.new(public, signed, hashlib.sha256).digest())
    own = signatures.new_key("RS256")
    yield part({"alg": "RS256", "kid": kid, "jwk": own.as_dict(private=False)}) + b"." + claims + b".AAAA"
    head, _, signature = genuine.split(".")
    yield f"{head}.".encode() + claims + f".{signature}".encode()
    yield part({"alg": "ES256", "kid": kid}) + b"." + claims + b"." + part(b"\0" * 64)
    yield from (b"", b".", b"..", b"...", b"a.b.c", b"\xff.x.y", part({"alg": "RS256"}) + b"." + claims + b".x")
    yield part({"alg": "RS256", "kid": [kid]}) + b"." + claims + b".x"
    yield part({"alg": "RS256", "kid": kid, "crit": ["b64"], "b64": False}) + b"." + claims + b".x"
    yield part(b"[" * 10_000) + b"." + claims + b".x"


def _pem(kid):
    return decrypt(SigningKey.objects.get(kid=kid).private_key, f"oidc signing key {kid}")


def test_forged_tokens_are_refused():
    for token in forged_tokens():
        with pytest.raises(InvalidToken):
            key_services.read_own_token(token.decode("latin-1"))
