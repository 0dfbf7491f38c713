"""Who may do what by the tables themselves: as plain as possible, and without any of the code under test."""

from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

USERS = """SELECT id, username, first_name, last_name, is_active, locked_at, starts_at, ends_at, period_state
FROM users WHERE deleted_at IS NULL"""
GRANTS = """SELECT user_roles.user_id, roles.name, roles.id, user_roles.starts_at, user_roles.ends_at
FROM user_roles JOIN roles ON roles.id = user_roles.role_id"""
PERMISSIONS = """SELECT role_permissions.role_id, permissions.name
FROM role_permissions JOIN permissions ON permissions.id = role_permissions.permission_id"""

PERIODS = "SELECT starts_at, ends_at FROM users UNION ALL SELECT starts_at, ends_at FROM user_roles"


class Person(NamedTuple):
    """What a row of an access answer says of someone."""

    username: str
    full_name: str
    status: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...]


def read_tables(now: datetime) -> dict[int, Person]:
    """Everybody with an account, by its id, as the tables have it at this time."""
    held: dict[int, set[str]] = {}
    for role_id, name in _rows(PERMISSIONS):
        held.setdefault(role_id, set()).add(name)
    roles: dict[int, set[str]] = {}
    permissions: dict[int, set[str]] = {}
    for user_id, name, role_id, starts_at, ends_at in _rows(GRANTS):
        if _is_within(now, starts_at, ends_at):
            roles.setdefault(user_id, set()).add(name)
            permissions.setdefault(user_id, set()).update(held.get(role_id, ()))
    return {
        user_id: Person(
            username,
            f"{first_name} {last_name}".strip() or username,
            _status(now, *states),
            tuple(sorted(roles.get(user_id, ()))),
            tuple(sorted(permissions.get(user_id, ()))),
        )
        for user_id, username, first_name, last_name, *states in _rows(USERS)
    }


def boundaries_after(now: datetime) -> list[datetime]:
    """When something begins or ends next."""
    found = [_moment(value) for row in _rows(PERIODS) for value in row]
    return sorted(moment for moment in found if moment is not None and moment > now)


def _rows(statement: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _status(now: datetime, is_active, locked_at, starts_at, ends_at, period_state) -> str:
    if locked_at is not None:
        return "locked"
    if not is_active:
        return "inactive"
    if period_state == "ended" or (ends_at is not None and _moment(ends_at) <= now):
        return "ended"
    return "active" if _is_within(now, starts_at, None) else "pending"


def _is_within(now: datetime, starts_at, ends_at) -> bool:
    starts_at, ends_at = _moment(starts_at), _moment(ends_at)
    return (starts_at is None or starts_at <= now) and (ends_at is None or now < ends_at)


def _moment(value) -> datetime | None:
    # SQLite has text, in UTC.
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)
