"""The bytes of an event that are sealed: the same on every database, machine and library version.

They are JSON in the canonical form of RFC 8785. Personal data is not in them but committed to: SHA-256 of a random salt
and the text. Once text and salt are destroyed the commitment stays, reveals nothing, and the bytes don't change.
`docs/audit.md` describes the format; a test pins it. A change of it needs a new VERSION.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

#: Values of SealedRow's columns, and of others after them; a query doesn't know their types.
StoredColumns: TypeAlias = tuple[Any, ...]

VERSION = 1
SALT_BYTES = 16
COMMITMENT_BYTES = 32
#: Details, and fields within `changes`, that are personal data. Part of the format.
PERSONAL_DETAILS = frozenset({"filters", "sent_to"})
PERSONAL_CHANGES = frozenset({"email", "first_name", "last_name", "username"})

# RFC 8785 but for two things that no event has: names beyond ASCII, whose order would differ, and fractions.
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


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
    return IPv6Address(address).exploded if address and ":" in address else address
