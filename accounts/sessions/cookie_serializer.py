"""Encryption of the session cookie, which Django only signs."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from accounts.core.encryption import decrypt, encrypt

PURPOSE = "session cookie"


class EncryptedJSONSerializer:
    # A message for the next page may name a user, and a link is a secret.

    def dumps(self, obj: object) -> bytes:
        return urlsafe_b64decode(encrypt(json.dumps(obj, separators=(",", ":")), PURPOSE))

    def loads(self, data: bytes) -> object:
        # Cookies of earlier versions are plain JSON; Django has checked their signature.
        return json.loads(data if data.startswith(b"{") else decrypt(urlsafe_b64encode(data).decode(), PURPOSE))
