"""The bytes of an event that are sealed, the same on every database, machine and library version; and its code.

They are JSON in the canonical form of RFC 8785. Personal data is not in them but committed to: SHA-256 of a random salt
and the text. Once text and salt are destroyed the commitment stays, reveals nothing, and the bytes don't change.
`docs/audit.md` describes the format; a test pins it. A change of it needs a new VERSION.

In the seconds between writing and sealing, the owner of the database could change a row or add one. So each row carries
an HMAC (RFC 2104) under a key that the database never sees, and the sealer seals no row whose code is wrong.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv6Address
from typing import Any, NamedTuple, NoReturn, TypeAlias
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

#: Values of SealedRow's columns, and of others after them; a query doesn't know their types.
StoredColumns: TypeAlias = tuple[Any, ...]

VERSION = 1
SALT_BYTES = 16
COMMITMENT_BYTES = 32
#: Details, and fields within `changes`, that are personal data. Part of the format.
PERSONAL_DETAILS = frozenset({"filters", "reason_given", "sent_to"})
PERSONAL_CHANGES = frozenset({"email", "first_name", "last_name", "username"})

# RFC 8785 but for two things that no event has: names beyond ASCII, whose order would differ, and fractions.
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
KEY_PURPOSE = b"reprotech.audit.authenticity"


class SealedRow(NamedTuple):
    """The columns of an event that its seal covers, in the order in which they are read."""

    id: int | None  # None: not stored yet
    version: int
    timestamp: datetime
    user_id: int | None
    username: str
    action: str
    resource: str
    resource_id: str
    resource_name: str
    success: bool
    ip_address: str | None
    user_agent: str
    request_id: str
    session_id: UUID | None
    details: dict[str, Any]
    #: A salt of SALT_BYTES; once the part is erased, its commitment of COMMITMENT_BYTES.
    actor_opening: bytes
    subject_opening: bytes


def encode(value: object) -> bytes:
    return _encoder.encode(value).encode("utf-8", "surrogatepass")


def canonical_bytes(row: SealedRow) -> bytes:
    public, personal = split_details(row.details)
    fields = {
        "action": row.action,
        "actor": commitment(row.actor_opening, actor_part(row)).hex(),
        "details": public,
        "id": row.id,
        "request_id": row.request_id,
        "resource": row.resource,
        "resource_id": row.resource_id,
        "session_id": row.session_id and str(row.session_id),
        "subject": commitment(row.subject_opening, subject_part(row, personal)).hex(),
        "success": row.success,
        "timestamp": format_timestamp(row.timestamp),
        "user_id": row.user_id,
        "v": row.version,
    }
    return encode(fields)


def actor_part(row: SealedRow) -> dict[str, object]:
    return {
        "ip_address": expanded_address(row.ip_address),
        "user_agent": row.user_agent,
        "username": row.username,
    }


def subject_part(row: SealedRow, personal: Mapping[str, object]) -> dict[str, object]:
    return {"details": personal, "resource_name": row.resource_name}


def commitment(opening: bytes, part: Mapping[str, object]) -> bytes:
    """The commitment to a part by its salt; of an erased part, the commitment that was kept."""
    if len(opening) == COMMITMENT_BYTES:
        return opening
    return hashlib.sha256(opening + encode(part)).digest()


def split_details(details: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Details with None in place of personal values, and the personal values.

    Splitting the first result again returns it unchanged, so erasing the second changes no sealed byte.
    """
    personal: dict[str, object] = {name: details[name] for name in PERSONAL_DETAILS & details.keys()}
    public: dict[str, object] = {**details, **dict.fromkeys(personal)}
    changes = details.get("changes")
    if isinstance(changes, dict) and (named := {name: changes[name] for name in PERSONAL_CHANGES & changes.keys()}):
        personal["changes"] = named
        public["changes"] = {**changes, **dict.fromkeys(named)}
    return public, personal


def format_timestamp(timestamp: datetime) -> str:
    """A time in UTC, always with microseconds."""
    return timestamp.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def expanded_address(address: str | None) -> str | None:
    # Databases and libraries shorten IPv6 addresses each in their own way.
    if not address or ":" not in address:
        return address
    try:
        return IPv6Address(address).exploded
    except ValueError:
        return address  # a network, which nothing here writes: those who did know no code for it


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
