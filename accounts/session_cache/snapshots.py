"""A session with its user and grants, as it is written to Redis and read from there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import models
from django.db.models.base import ModelState
from django.utils import timezone

from accounts.models import Session, User
from accounts.models.grants import Grants
from accounts.session_cache.keys import Versions

#: Columns that no snapshot has, so their changes invalidate nothing: secrets, since a snapshot is as public as Redis,
#: and what only the database is asked for.
NOT_CACHED = frozenset({"password", "search_text", "link_number", "refresh_hash", "spent_refresh_hashes"})

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session as it was under two versions; `version_key` is the full name of the user's version in Redis."""

    versions: Versions
    #: As Redis returns them, so that a comparison needs no parsing.
    raw_versions: list[bytes | None]
    version_key: bytes
    session: Session
    user: User

    @property
    def is_outdated(self) -> bool:
        """Whether the account has ended, or a grant began or ended since it was read."""
        changes_at = self.user.grants.changes_at
        return not self.user.is_within_period or (changes_at is not None and changes_at <= timezone.now())

    def copy_session(self) -> Session:
        """Objects of the request's own: what it changes in them, no other request sees."""
        session = _copy(self.session)
        session.user = _copy(self.user)
        return session


def serialize(session: Session, versions: Versions) -> dict[str, object]:
    grants = session.user.grants
    return {
        "stamp": versions,
        "session": _serialize_row(session),
        "user": _serialize_row(session.user),
        "role_names": grants.role_names,
        "role_slugs": grants.role_slugs,
        "permissions": sorted(grants.permissions),
        "changes_at": grants.changes_at and grants.changes_at.isoformat(),
    }


def parse(text: bytes, version_key: str) -> Snapshot:
    snapshot = json.loads(text)
    user = _parse_row(User, snapshot["user"])
    changes_at = snapshot.get("changes_at")
    user.grants = Grants(
        role_names=tuple(snapshot["role_names"]),
        role_slugs=tuple(snapshot["role_slugs"]),
        permissions=frozenset(snapshot["permissions"]),
        changes_at=datetime.fromisoformat(changes_at) if changes_at else None,
    )
    versions = tuple(snapshot["stamp"])
    return Snapshot(
        versions=versions,
        raw_versions=[json.dumps(version).encode() for version in versions],
        version_key=version_key.encode(),
        session=_parse_row(Session, snapshot["session"]),
        user=user,
    )


def _serialize_row(row: models.Model) -> dict[str, str | None]:
    return {
        field.attname: None if getattr(row, field.attname) is None else field.value_to_string(row)
        for field in row._meta.concrete_fields
        if field.name not in NOT_CACHED
    }


def _parse_row(model: type[Row], values: Mapping[str, str | None]) -> Row:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    parsed = [None if value is None else fields[name].to_python(value) for name, value in values.items()]
    return model.from_db("default", list(values), parsed)


def _copy(row: Row) -> Row:
    # `copy.copy` pickles a model, which takes five times as long. Django documents `_state` and its two values.
    copy = object.__new__(type(row))
    copy.__dict__.update(row.__dict__)
    copy._state = ModelState()
    copy._state.db, copy._state.adding = row._state.db, row._state.adding
    return copy
