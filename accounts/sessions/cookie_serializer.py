"""What the session cookie says is for us alone: encrypted, beside being signed."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from accounts.core.encryption import decrypt, encrypt

PURPOSE = "session cookie"


class EncryptedJSONSerializer:
    """Django's SESSION_SERIALIZER. A message that waits for the next page may name somebody, and a link is a secret."""

    def dumps(self, obj: Any) -> bytes:
        """The session, encrypted."""
        return urlsafe_b64decode(encrypt(json.dumps(obj, separators=(",", ":")), PURPOSE))

    def loads(self, data: bytes) -> Any:
        """The session; raises ValueError or Unreadable. One in plain text is from before, and its signature right."""
        return json.loads(data if data.startswith(b"{") else decrypt(urlsafe_b64encode(data).decode(), PURPOSE))
