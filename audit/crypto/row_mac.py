"""The message authentication code of a row: proof that this installation wrote it, until it is sealed.

In the seconds between writing and sealing, the owner of the database could change a row or add one. So each row carries
an HMAC (RFC 2104) under a key that the database never sees, and the sealer seals no row whose code is wrong.
"""

import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from audit.crypto.canonical_json import SealedRow, canonical_bytes

KEY_PURPOSE = b"reprotech.audit.authenticity"


def authentication_code(row: SealedRow) -> bytes:
    """The code of a row. It doesn't cover the id, which the database assigns later."""
    return hmac.digest(_mac_key(settings.SECRET_KEY), canonical_bytes(row._replace(id=None)), "sha256")


def authentication_code_of(content: bytes, event_id: int) -> bytes:
    """The same for an event whose canonical bytes are at hand."""
    return hmac.digest(_mac_key(settings.SECRET_KEY), _without_id(content, event_id), "sha256")


def is_authentic(row: SealedRow, code: bytes) -> bool:
    """Whether the code was made with the present SECRET_KEY or one of SECRET_KEY_FALLBACKS."""
    return _matches(canonical_bytes(row._replace(id=None)), code)


def is_authentic_content(content: bytes, event_id: int, code: bytes) -> bool:
    """The same for a stored event whose canonical bytes are at hand."""
    return _matches(_without_id(content, event_id), code)


def _without_id(content: bytes, event_id: int) -> bytes:
    # JSON escapes quotes within texts, so this matches nowhere but between the members that it names.
    before, _, after = content.rpartition(b',"id":%d,"request_id":' % event_id)
    return b'%b,"id":null,"request_id":%b' % (before, after)


def _matches(content: bytes, code: bytes) -> bool:
    # Rows that were written before SECRET_KEY was replaced may not be sealed yet.
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(hmac.compare_digest(hmac.digest(_mac_key(key), content, "sha256"), code) for key in keys)


def json_details(details: Mapping[str, object]) -> dict[str, object]:
    """Details as the database returns them; raises ValueError for fractions, which have no single form in JSON."""
    encoded = json.dumps(details, cls=DjangoJSONEncoder)
    decoded: dict[str, object] = json.loads(encoded, parse_float=_refuse_fraction)
    return decoded


def _refuse_fraction(text: str) -> NoReturn:
    raise ValueError(f"{text} can't be recorded in the audit log: use a whole number or text.")


@cache
def _mac_key(secret: str) -> bytes:
    # A key of its own for this purpose: Django signs other things with SECRET_KEY.
    return hmac.digest(secret.encode(), KEY_PURPOSE, "sha256")
