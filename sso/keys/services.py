"""The keys that sign ID tokens and logout tokens: made, published before they sign, replaced, retired.

Programs cache the published keys, so that a new key is published a day before it signs. Private keys are encrypted
under SECRET_KEY: who can read the database can't sign with them, and who can write it can't add a key of their own.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.core.encryption import DecryptionFailed, decrypt, encrypt, is_current
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import Conflict, NotFound
from sso.keys import signatures
from sso.keys.signatures import InvalidToken, Key
from sso.models import SigningAlgorithm, SigningKey

logger = logging.getLogger(__name__)

#: How long a new key is published before it signs, unless it is the first of its algorithm.
PUBLISHED_BEFORE_USE = timedelta(hours=24)
#: Of ID tokens. A retired key is published for so long, and a little longer for slow clocks.
ID_TOKEN_LIFETIME = timedelta(minutes=10)
PUBLISHED_AFTER_USE = ID_TOKEN_LIFETIME + timedelta(minutes=10)
#: An ID token that is shown at the sign-out may be older: programs keep theirs while the person works.
HINT_KEY_LIFETIME = timedelta(days=100)
#: Arbitrary, and used for no other advisory lock of this database.
ADVISORY_LOCK_ID = 7_430_519_226


class SigningKeyUnavailable(Exception):
    """The present key can't be decrypted, as after a replacement of SECRET_KEY without SECRET_KEY_FALLBACKS."""


def sign_token(claims: dict[str, object], *, algorithm: str, kind: str = "JWT") -> str:
    """A token signed by the present key of an algorithm, which is made if there is none."""
    return signatures.sign(claims, _private_key(_present_key(algorithm)), algorithm=algorithm, kind=kind)


def published_keys() -> list[dict[str, object]]:
    """The public keys as JSON Web Keys (RFC 7517), with those that will sign, and those that recently did."""
    if not SigningKey.objects.filter(algorithm=SigningAlgorithm.RS256, retired_at__isnull=True).exists():
        _present_key(SigningAlgorithm.RS256)
    ended = timezone.now() - PUBLISHED_AFTER_USE
    published = SigningKey.objects.filter(Q(retired_at__isnull=True) | Q(retired_at__gt=ended))
    found = []
    for row in published.order_by("-signs_from", "kid"):
        try:
            found.append(signatures.public_jwk(_private_key(row), row.algorithm))
        except SigningKeyUnavailable:
            continue
    return found


def read_own_token(token: str) -> dict[str, object]:
    """The claims of a token that one of the keys signed, also of an expired one; raises InvalidToken."""
    since = timezone.now() - HINT_KEY_LIFETIME
    rows = SigningKey.objects.filter(Q(retired_at__isnull=True) | Q(retired_at__gt=since))
    row = rows.filter(kid=signatures.key_id_in(token)).first()
    if row is None:
        raise InvalidToken
    try:
        return signatures.verify(token, _private_key(row), algorithm=row.algorithm)
    except SigningKeyUnavailable:
        raise InvalidToken from None


@transaction.atomic
@explicitly_recorded()
def rotate_key(*, actor: Actor, algorithm: str, at_once: bool = False) -> SigningKey:
    """Make a key that takes over in 24 hours, or now; the one before it is retired at that moment."""
    _lock()
    now = timezone.now()
    unretired = list(SigningKey.objects.filter(algorithm=algorithm, retired_at__isnull=True))
    if not at_once and any(row.signs_from > now for row in unretired):
        raise Conflict("A new key waits already. It is published, and signs in less than 24 hours.")
    signs_from = now if at_once or not unretired else now + PUBLISHED_BEFORE_USE
    key = _store_key(actor, algorithm, signs_from)
    for row in unretired:
        row.retired_at = signs_from
        row.save(update_fields=["retired_at"])
        _record(actor, Action.UPDATE, row, changes={"retired": (None, row.retired_at)})
    return key


@transaction.atomic
@explicitly_recorded()
def retire_key(*, actor: Actor, kid: str, at_once: bool = False) -> SigningKey:
    """Stop using a key. `at_once` withdraws it too, as after a theft: what it signed is refused from now on."""
    _lock()
    row = SigningKey.objects.filter(kid=kid).first()
    if row is None:
        raise NotFound("key")
    now = timezone.now()
    others = SigningKey.objects.filter(algorithm=row.algorithm).exclude(kid=kid)
    is_replaced = others.filter(signs_from__lte=now).filter(Q(retired_at__isnull=True) | Q(retired_at__gt=now)).exists()
    if not is_replaced:
        raise Conflict("No other key of this algorithm signs. Make one first: manage.py oidc_key rotate --now")
    before, row.retired_at = row.retired_at, now - HINT_KEY_LIFETIME if at_once else min(row.retired_at or now, now)
    row.save(update_fields=["retired_at"])
    _record(actor, Action.UPDATE, row, changes={"retired": (before, row.retired_at)})
    return row


def _present_key(algorithm: str) -> SigningKey:
    """The key that signs now; the first one is made when it is needed."""
    return _find_present(algorithm) or _make_first(algorithm)


def _find_present(algorithm: str) -> SigningKey | None:
    now = timezone.now()
    rows = SigningKey.objects.filter(algorithm=algorithm, signs_from__lte=now)
    usable = rows.filter(Q(retired_at__isnull=True) | Q(retired_at__gt=now))
    return usable.order_by("-signs_from", "-created_at").first()


@transaction.atomic
@explicitly_recorded()
def _make_first(algorithm: str) -> SigningKey:
    # Of two processes the second waits here, and finds the key of the first.
    _lock()
    return _find_present(algorithm) or _store_key(System(), algorithm, timezone.now())


def _lock() -> None:
    # SQLite's transactions exclude each other anyway.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])


def _store_key(actor: Actor, algorithm: str, signs_from: datetime) -> SigningKey:
    key = signatures.new_key(algorithm)
    kid = key.thumbprint()
    row = SigningKey(kid=kid, algorithm=algorithm, private_key=encrypt(signatures.to_pem(key), _purpose(kid)))
    row.signs_from = signs_from
    row.save(force_insert=True)
    _record(actor, Action.CREATE, row, algorithm=algorithm, signs_from=row.signs_from)
    return row


def _private_key(row: SigningKey) -> Key:
    try:
        pem = decrypt(row.private_key, _purpose(row.kid))
    except DecryptionFailed:
        logger.error("The signing key %s can't be decrypted: was SECRET_KEY replaced?", row.kid)
        raise SigningKeyUnavailable from None
    if settings.SECRET_KEY_FALLBACKS and not is_current(row.private_key, _purpose(row.kid)):
        # Written back under the present SECRET_KEY, so that an earlier one can be retired.
        _encrypt_again(row, pem)
    return signatures.from_pem(row.algorithm, pem)


@transaction.atomic
@explicitly_recorded()
def _encrypt_again(row: SigningKey, pem: str) -> None:
    sealed = encrypt(pem, _purpose(row.kid))
    if SigningKey.objects.filter(kid=row.kid, private_key=row.private_key).update(private_key=sealed):
        reason = "It was encrypted under an earlier SECRET_KEY."
        _record(System(), Action.UPDATE, row, concealed=["private_key"], reason=reason)


def _purpose(kid: str) -> str:
    # Part of the encryption key: a key that is copied to another row can't be decrypted.
    return f"oidc signing key {kid}"


def _record(actor: Actor, action: Action, row: SigningKey, **details: Any) -> None:
    record(
        actor=actor,
        action=action,
        resource="signing_key",
        resource_id=row.kid,
        resource_name=f"{row.algorithm} {row.kid[:8]}",
        **details,
    )
