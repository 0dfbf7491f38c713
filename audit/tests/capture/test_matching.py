"""Which events account for which changes that the database captured."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from audit.capture.settlement import unexplained_changes

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database


@dataclass
class Change:
    table_name: str
    subjects: str
    columns: str = ""


@dataclass
class Event:
    action: str
    resource: str = "user"
    resource_id: str = "8"
    details: dict[str, Any] = field(default_factory=dict)
    user_id: int | None = 1
    session_id: Any = None


def changed(*names):
    return {"changes": {name: ["old", "new"] for name in names}}


GRANT = Change("user_roles", "user:8 role:3", "role_id user_id")
RIGHT = Change("role_permissions", "role:3 permission:5", "permission_id role_id")
SIGN_IN = Event("login", "auth", "", user_id=8, session_id="a-b")


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (GRANT, Event("role_assign", details=changed("roles"))),
        (GRANT, Event("update", details=changed("roles"))),
        (GRANT, Event("create")),
        (GRANT, Event("delete", "role", "3")),
        (RIGHT, Event("update", "role", "3", details=changed("permissions"))),
        (RIGHT, Event("create", "role", "3")),
        (Change("users", "user:8", "is_active"), Event("update", details=changed("is_active", "email"))),
        (Change("users", "user:8", "locked_at unlocked_at"), Event("unlock")),
        (Change("users", "user:8", "must_change_password password_hash"), Event("password_reset")),
        (Change("users", "user:8", "password_hash"), Event("update", details={"concealed": ["password"]})),
        (Change("users", "user:8", "deleted_at is_active"), Event("delete")),
        (Change("users", "user:8", "email password_hash username"), Event("erase")),
        (Change("users", "user:8", "must_add_factor"), SIGN_IN),
        (Change("sessions", "user:8 session:ab", "ended_at user_id"), SIGN_IN),
        (Change("sessions", "user:8 session:ab", "ended_at"), Event("session_revoke", "session", "a-b")),
        (Change("sessions", "user:9 session:cd", "ended_at"), Event("session_revoke", "session", "")),
        (Change("api_keys", "user:8 apikey:ab", "secret_hash"), Event("key_create")),
    ],
)
def test_an_event_that_says_so_accounts_for_a_change(change, event):
    assert unexplained_changes([change], [event]) == []


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (GRANT, SIGN_IN),
        (GRANT, Event("update", details=changed("first_name"))),
        (GRANT, Event("role_assign", resource_id="9", details=changed("roles"))),
        (GRANT, Event("create", "role", "3")),
        (GRANT, Event("update", "role", "3", details=changed("permissions"))),
        (GRANT, Event("create", "session", "a-b", details={"owner_id": 8})),
        (GRANT, Event("delete", details={"record": "passkey"})),
        (GRANT, Event("access_denied", details=changed("roles"))),
        (RIGHT, Event("update", "role", "3", details=changed("description"))),
        (RIGHT, Event("update", "role", "4", details=changed("permissions"))),
        (Change("users", "user:8", "is_active"), Event("update", details=changed("email"))),
        (Change("users", "user:8", "email is_active"), Event("update", details=changed("email"))),
        (Change("users", "user:8", "locked_at"), Event("update", details={"concealed": ["password"]})),
        (Change("users", "user:8", "password_hash"), SIGN_IN),
        (Change("users", "user:8", "password_hash"), Event("lock")),
        (Change("roles", "role:3", "slug"), Event("update", "role", "3", details=changed("description"))),
        (Change("sessions", "user:9 session:cd", "ended_at"), SIGN_IN),
    ],
)
def test_an_event_about_something_else_accounts_for_nothing(change, event):
    assert unexplained_changes([change], [event]) == [change]


def test_several_events_account_for_a_change_together():
    change = Change("users", "user:8", "email is_active")
    assert (
        unexplained_changes([change], [Event("update", details=changed(name)) for name in ("email", "is_active")]) == []
    )
