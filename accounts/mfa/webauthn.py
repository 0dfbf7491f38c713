"""Passkeys and security keys: what the browser is asked for, and whether its answer is genuine (WebAuthn level 3).

The relying party is the installation's own address, PUBLIC_URL, whatever Host header a request carries.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
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
#: Characters of a browser's answer; larger ones aren't looked at.
MAX_RESPONSE_LENGTH = 20_000


class InvalidResponse(Exception):
    """The browser's answer proves nothing: malformed, of another site, or of another challenge."""


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A new credential, as it is stored."""

    credential_id: str
    credential: bytes
    sign_count: int


def is_available() -> bool:
    """Whether browsers allow it at PUBLIC_URL: by https or on localhost, and by a name."""
    parts = urlsplit(settings.PUBLIC_URL)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return bool(host) and (parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"))
    return False


def origin() -> str:
    """The one address at which passkeys are made and used."""
    parts = urlsplit(settings.PUBLIC_URL)
    return f"{parts.scheme}://{parts.netloc}".lower()


def registration_options(user: User, existing: Iterable[Passkey], challenge: bytes) -> dict[str, Any]:
    """What `navigator.credentials.create` takes, as JSON. No authenticator is asked where it comes from."""
    options, _ = _server().register_begin(
        PublicKeyCredentialUserEntity(id=user_handle(user), name=user.username, display_name=user.full_name),
        credentials=_descriptors(existing),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=PREFERRED,
        challenge=challenge,
    )
    return dict(options)


def authentication_options(allowed: Iterable[Passkey] | None, challenge: bytes) -> dict[str, Any]:
    """What `navigator.credentials.get` takes; without `allowed` any passkey of this site, unlocked by its owner."""
    options, _ = _server().authenticate_begin(
        credentials=None if allowed is None else _descriptors(allowed),
        user_verification=REQUIRED if allowed is None else PREFERRED,
        challenge=challenge,
    )
    return dict(options)


def verify_registration(answer: str, challenge: bytes) -> NewCredential:
    """The credential that an answer registers; raises InvalidResponse."""
    try:
        made = _server().register_complete(_state(challenge, PREFERRED), _parsed(answer))
        credential = made.credential_data
        if credential is None:
            raise InvalidResponse
        return NewCredential(websafe_encode(credential.credential_id), bytes(credential), made.counter)
    except InvalidResponse:
        raise
    except Exception as error:
        # The library raises whatever its parsers meet in bytes that a stranger sent.
        raise InvalidResponse from error


def claimed_credential_id(answer: str) -> str:
    """The id of the credential that an answer claims to come from; raises InvalidResponse."""
    return websafe_encode(_assertion(answer).raw_id)


def verify_assertion(answer: str, passkey: Passkey, challenge: bytes, *, alone: bool) -> int:
    """The count of signatures in a genuine answer; `alone` it must prove its owner too. Raises InvalidResponse."""
    assertion = _assertion(answer)
    handle = assertion.response.user_handle
    if handle is None and alone:
        raise InvalidResponse
    if handle is not None and handle != user_handle(passkey.user):
        raise InvalidResponse
    credential = AttestedCredentialData(bytes(passkey.credential))
    try:
        _server().authenticate_complete(_state(challenge, REQUIRED if alone else PREFERRED), [credential], assertion)
    except Exception as error:
        raise InvalidResponse from error
    return int(assertion.response.authenticator_data.counter)


def user_handle(user: User) -> bytes:
    """What an authenticator keeps to tell users apart: it must say nothing about them."""
    return hashlib.sha256(f"reprotech user {user.pk} of {_relying_party().id}".encode()).digest()


def _assertion(answer: str) -> AuthenticationResponse:
    try:
        return AuthenticationResponse.from_dict(_parsed(answer))
    except InvalidResponse:
        raise
    except Exception as error:
        raise InvalidResponse from error


def _parsed(answer: str) -> Mapping[str, Any]:
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


def _state(challenge: bytes, verification: UserVerificationRequirement) -> dict[str, Any]:
    return {"challenge": websafe_encode(challenge), "user_verification": verification}


def _relying_party() -> PublicKeyCredentialRpEntity:
    return PublicKeyCredentialRpEntity(name="Reprotech", id=urlsplit(settings.PUBLIC_URL).hostname or "")


def _server() -> Fido2Server:
    ours = origin()
    return Fido2Server(
        _relying_party(), attestation=AttestationConveyancePreference.NONE, verify_origin=lambda found: found == ours
    )
