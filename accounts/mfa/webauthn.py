"""Passkeys and security keys: options for the browser, and verification of its responses (WebAuthn level 3).

The relying party comes from PUBLIC_URL, whatever Host header a request carries. Browsers refuse addresses: where
PUBLIC_URL is one of this computer, as by default, it is localhost.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.models import Passkey, User

REQUIRED, PREFERRED = UserVerificationRequirement.REQUIRED, UserVerificationRequirement.PREFERRED
#: Parsed before the caller has proved anything.
MAX_RESPONSE_LENGTH = 20_000
CHALLENGE_LIFETIME = timedelta(minutes=5)
#: WebAuthn, section 13.4.3, asks for at least 16.
CHALLENGE_BYTES = 32


class InvalidResponse(Exception):
    """The browser's response is malformed, or of another site or challenge."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A random value for one purpose, valid for five minutes and once.

    The browser keeps it in the session cookie, so that requests alone store nothing; used ones are recorded.
    """

    value: bytes
    purpose: str
    expires_at: datetime

    @classmethod
    def new(cls, purpose: str) -> "Challenge":
        return cls(secrets.token_bytes(CHALLENGE_BYTES), purpose, timezone.now() + CHALLENGE_LIFETIME)

    @classmethod
    def from_cookie(cls, stored: tuple[str, str, int] | None, purpose: str) -> "Challenge | None":
        """The challenge in the cookie, if it has this purpose and hasn't expired."""
        if not stored:
            return None
        value, stored_purpose, expires = stored
        challenge = cls(base64.b64decode(value), stored_purpose, datetime.fromtimestamp(expires, UTC))
        return challenge if stored_purpose == purpose and challenge.expires_at > timezone.now() else None

    def for_cookie(self) -> list[str | int]:
        return [base64.b64encode(self.value).decode("ascii"), self.purpose, int(self.expires_at.timestamp())]

    @property
    def name(self) -> str:
        """Its name among used one-time tokens."""
        return f"challenge {base64.urlsafe_b64encode(self.value).decode('ascii')}"


def is_available() -> bool:
    """Whether browsers allow passkeys at `origin`: a host name, with https or on localhost."""
    parts = urlsplit(origin())
    host = parts.hostname or ""
    try:
        ip_address(host)
    # The id of a relying party is a domain: browsers refuse addresses.
    except ValueError:
        return bool(host) and (parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"))
    return False


def origin() -> str:
    """Where passkeys belong to: PUBLIC_URL, or localhost in place of an address of this computer."""
    parts = urlsplit(settings.PUBLIC_URL)
    netloc = parts.netloc
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        netloc = f"localhost:{parts.port}" if parts.port else "localhost"
    return f"{parts.scheme}://{netloc}".lower()


def local_origin(request_origin: str) -> str:
    """The address on this computer to open for passkeys, if the request came by another; "" otherwise."""
    is_local = (urlsplit(origin()).hostname or "") == "localhost"
    return origin() if is_local and request_origin.lower() != origin() else ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def registration_options(user: User, existing: Iterable[Passkey], challenge: bytes) -> dict[str, object]:
    """The options of `navigator.credentials.create`, as JSON, without attestation."""
    options, _ = _server().register_begin(
        PublicKeyCredentialUserEntity(id=user_handle(user), name=user.username, display_name=user.full_name),
        credentials=_descriptors(existing),
        # Not required: older security keys can't store a passkey, and still serve as a second factor.
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=PREFERRED,
        challenge=challenge,
    )
    return dict(options)


def authentication_options(allowed: Iterable[Passkey] | None, challenge: bytes) -> dict[str, object]:
    """The options of `navigator.credentials.get`; without `allowed` for any passkey that verifies its user."""
    options, _ = _server().authenticate_begin(
        credentials=None if allowed is None else _descriptors(allowed),
        # Alone it stands for password and second factor, so it must verify its user.
        user_verification=REQUIRED if allowed is None else PREFERRED,
        challenge=challenge,
    )
    return dict(options)


def verify_registration(answer: str, challenge: bytes) -> Passkey:
    """The unsaved passkey of a genuine response; raises InvalidResponse."""
    parsed = _parsed(answer)
    with _refusing_forgeries():
        registered = _server().register_complete(_state(challenge, PREFERRED), parsed)
        credential = registered.credential_data
        if credential is None:
            raise InvalidResponse
        return Passkey(
            credential_id=websafe_encode(credential.credential_id),
            credential=bytes(credential),
            sign_count=registered.counter,
        )


def claimed_credential_id(answer: str) -> str:
    """The id of the credential that a response claims to come from; raises InvalidResponse."""
    return websafe_encode(_assertion(answer).raw_id)


def verify_assertion(answer: str, passkey: Passkey, challenge: bytes, *, passwordless: bool) -> int:
    """The signature count of a genuine response, with user verification if `passwordless`; raises InvalidResponse."""
    assertion = _assertion(answer)
    handle = assertion.response.user_handle
    # WebAuthn, section 7.2, step 6: without a username the response must name the user.
    if handle is None and passwordless:
        raise InvalidResponse
    if handle is not None and handle != user_handle(passkey.user):
        raise InvalidResponse
    credential = AttestedCredentialData(bytes(passkey.credential))
    state = _state(challenge, REQUIRED if passwordless else PREFERRED)
    with _refusing_forgeries():
        _server().authenticate_complete(state, [credential], assertion)
    return int(assertion.response.authenticator_data.counter)


def user_handle(user: User) -> bytes:
    # Authenticators store it: it must reveal nothing about the user.
    return hashlib.sha256(f"reprotech user {user.pk} of {_relying_party().id}".encode()).digest()


def _assertion(answer: str) -> AuthenticationResponse:
    parsed = _parsed(answer)
    with _refusing_forgeries():
        return AuthenticationResponse.from_dict(parsed)


@contextmanager
def _refusing_forgeries() -> Iterator[None]:
    # The library raises whatever its parsers meet in a stranger's bytes.
    try:
        yield
    except InvalidResponse:
        raise
    except Exception as error:
        raise InvalidResponse from error


def _parsed(answer: str) -> Mapping[str, object]:
    if len(answer) > MAX_RESPONSE_LENGTH:
        raise InvalidResponse
    try:
        parsed = json.loads(answer)
    except (ValueError, RecursionError):
        raise InvalidResponse from None
    if not isinstance(parsed, dict):
        raise InvalidResponse
    return parsed


def _descriptors(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=websafe_decode(passkey.credential_id))
        for passkey in passkeys
    ]


def _state(challenge: bytes, verification: UserVerificationRequirement) -> dict[str, object]:
    return {"challenge": websafe_encode(challenge), "user_verification": verification}


def _relying_party() -> PublicKeyCredentialRpEntity:
    return PublicKeyCredentialRpEntity(name="Reprotech", id=urlsplit(origin()).hostname or "")


def _server() -> Fido2Server:
    return Fido2Server(
        _relying_party(), attestation=AttestationConveyancePreference.NONE, verify_origin=origin().__eq__
    )
