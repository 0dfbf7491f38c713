"""Proof that this installation wrote a row, until the seal proves that nobody changed it since.

Between the writing of a row and its sealing lie a few seconds in which whoever holds the database could still change
it, or add one of their own. So each row carries an HMAC (RFC 2104) under a key that the database never sees, and the
sealer seals no row without a good one.
"""

import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from audit.crypto.canonical_json import SealedRow, canonical_bytes

KEY_PURPOSE = b"reprotech.audit.authenticity"


def authentication_code(row: SealedRow) -> bytes:
    """The code of a row, whatever id the database gives it."""
    return hmac.digest(_mac_key(settings.SECRET_KEY), canonical_bytes(row._replace(id=None)), "sha256")


def authentication_code_of(content: bytes, event_id: int) -> bytes:
    """The same for an event whose canonical bytes are at hand."""
    return hmac.digest(_mac_key(settings.SECRET_KEY), _without_id(content, event_id), "sha256")


def is_authentic(row: SealedRow, code: bytes) -> bool:
    """Whether the code was made here, with the present key or one that it replaced (SECRET_KEY_FALLBACKS)."""
    return _matches(canonical_bytes(row._replace(id=None)), code)


def is_authentic_content(content: bytes, event_id: int, code: bytes) -> bool:
    """The same for a stored event whose canonical bytes are at hand."""
    return _matches(_without_id(content, event_id), code)


def _without_id(content: bytes, event_id: int) -> bytes:
    # Quotes inside of texts are escaped, so this is found nowhere but between the members that it names.
    before, _, after = content.rpartition(b',"id":%d,"request_id":' % event_id)
    return b'%b,"id":null,"request_id":%b' % (before, after)


def _matches(content: bytes, code: bytes) -> bool:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(hmac.compare_digest(hmac.digest(_mac_key(key), content, "sha256"), code) for key in keys)


def json_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details as the database gives them back; raises ValueError for a fraction, which has no one form in JSON."""
    encoded = json.dumps(details, cls=DjangoJSONEncoder)
    found: dict[str, Any] = json.loads(encoded, parse_float=_refuse_fraction)
    return found


def _refuse_fraction(text: str) -> NoReturn:
    raise ValueError(f"{text} can't be recorded in the audit log: use a whole number or text.")


@cache
def _mac_key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), KEY_PURPOSE, "sha256")
