"""What the cache holds in Redis, under which keys and for how long."""

from uuid import UUID

#: Longer would save little: each snapshot costs one query.
SNAPSHOT_SECONDS = 30
VERSION_SECONDS = 86_400
#: Longer than any snapshot plus the longest transaction: a process that dies before it publishes leaves its marker.
MARKER_SECONDS = 120
#: Stands in the place of a version from before a change is committed until the new version is published.
INVALIDATING = "changing"
ROLES_VERSION = "roles-version"

#: The versions of a user and of all roles that a snapshot was read under.
Versions = tuple[str, str]


def session_key(session_id: UUID) -> str:
    return f"session-{session_id}"


def version_key(user_id: int | str) -> str:
    return f"user-version-{user_id}"
