"""Authenticator apps and passkeys of the tests, which know RFC 6238 and WebAuthn by themselves."""

import base64
import hashlib
import hmac
import json
import os
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.webauthn import AttestedCredentialData

from accounts.mfa import totp
from accounts.mfa.services import replace_recovery_codes, update_mfa_state
from accounts.models import TotpKey, User

STEP = 30


@dataclass
class App:
    """A phone with an authenticator app."""

    key: str
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, ahead=0):
        """What it shows now, or so many steps later."""
        return code_at(base64.b32decode(self.key), time.time() + ahead * STEP)

    def wrong_code(self):
        """Six digits that it doesn't show now."""
        return f"{(int(self.code()) + 500_000) % 1_000_000:06}"


def code_at(key, seconds, digits=6):
    """RFC 6238 over RFC 4226, SHA-1."""
    digest = hmac.digest(key, int(seconds // STEP).to_bytes(8, "big"), hashlib.sha1)
    place = digest[-1] & 15
    number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def give_app(user):
    """An authenticator app for a user, set up a while ago."""
    key = totp.generate_secret()
    user = User.objects.get(pk=user.pk)
    TotpKey.objects.create(user=user, sealed_key=totp.encrypt_secret(key, user.pk))
    update_mfa_state(user)
    return App(key, replace_recovery_codes(user))


class Key:
    """A security key or passkey in software, which can be made to misbehave."""

    def __init__(self, site="lab.example"):
        self.private, self.id, self.site, self.count = ec.generate_private_key(ec.SECP256R1()), os.urandom(32), site, 0
        self.handle = None

    def register(self, options, origin="https://lab.example"):
        """The answer to `navigator.credentials.create`."""
        asked = options["publicKey"]
        self.handle = asked["user"]["id"]
        public = ES256.from_cryptography_key(self.private.public_key())
        made = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": self._proof(0x45) + made})
        said = self._client("webauthn.create", asked["challenge"], origin)
        return self._answer({"clientDataJSON": encoded(said), "attestationObject": encoded(attestation)})

    def sign(self, options, origin="https://lab.example", flags=0x05, **changed):
        """The answer to `navigator.credentials.get`; flags 0x05: its owner was there and unlocked it."""
        self.count += 1
        proof = self._proof(flags)
        said = self._client("webauthn.get", options["publicKey"]["challenge"], origin)
        signature = self.private.sign(proof + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": encoded(said),
            "authenticatorData": encoded(proof),
            "signature": encoded(signature),
            "userHandle": self.handle,
            **changed,
        }
        return self._answer({name: value for name, value in response.items() if value is not None})

    def _proof(self, flags):
        return hashlib.sha256(self.site.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind, challenge, origin):
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    def _answer(self, response):
        own = encoded(self.id)
        answer = {"id": own, "rawId": own, "type": "public-key", "response": response, "clientExtensionResults": {}}
        return json.dumps(answer)


def encoded(part):
    """Base64url without padding."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
