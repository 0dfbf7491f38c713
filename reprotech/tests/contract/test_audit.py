"""Section 3 of the contract: the audit log and its filters."""

from datetime import UTC, datetime

import pytest

from accounts.access.authorization import SYSTEM
from audit.models import Action, AuditLog
from audit.services import record
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing.client import REQUEST_ID, TIME, Caller, error_of
from reprotech.tests.contract.authentication.test_lockout import login


def found(caller, query):
    response = caller.get(f"/api/audit?{query}")
    assert response.status_code == 200, response.content
    return [log["resource_name"] for log in response.json()["logs"]]


def event(name, day, **fields):
    """An event of 2031-03-`day`, noon; rows can't be changed, so the time is given at the start."""
    return AuditLog.objects.create(
        **{
            "timestamp": datetime(2031, 3, day, 12, tzinfo=UTC),
            "username": "clerk",
            "action": "update",
            "resource": "user",
            "resource_name": name,
            **fields,
        }
    )


@pytest.fixture
def history(cast):
    event("one", 1, username="Anna", action="login", resource="auth", ip_address="192.0.2.1")
    event("two", 2, username="anna", action="login", resource="auth", success=False, ip_address="192.0.2.2")
    event("three", 3, username="night.shift", ip_address="2001:db8::1")
    event("four", 4, resource="role", action="delete")
    event("five", 5, resource="role")


@pytest.mark.parametrize("path", ["/api/audit", "/api/audit/", "/api/audit-logs", "/api/audit-logs/"])
def test_events_are_listed_newest_first_in_pages_of_ten(history, super_admin, path):
    body = super_admin.get(path).json()
    logs = body.pop("logs")
    total = AuditLog.objects.count()
    assert body == {"total": total, "page": 1, "per_page": 10, "pages": -(-total // 10)}
    assert len(logs) == 10
    assert [log["resource_name"] for log in logs][:5] == ["five", "four", "three", "two", "one"]


def test_an_event_tells_who_did_what_from_where(cast, super_admin):
    admin = Caller(cast.admin, address="198.51.100.7", user_agent="pipette/2")
    changed = admin.patch(f"/api/users/{cast.viewer.pk}", {"first_name": "Vera"})
    log = super_admin.get("/api/audit").json()["logs"][0]
    assert log == {
        "id": AuditLog.objects.latest("id").pk,
        "user": "the-admin",
        "user_id": cast.admin.pk,
        "action": "update",
        "resource": "user",
        "resource_id": str(cast.viewer.pk),
        "resource_name": "the-viewer",
        "ip_address": "198.51.100.7",
        "user_agent": "pipette/2",
        "request_id": REQUEST_ID,
        "session_id": str(admin.signed_in.session.pk),
        "timestamp": TIME,
        "details": {"success": True, "changes": {"first_name": ["", "Vera"]}},
    }
    assert log["request_id"] == changed["X-Request-ID"]


def test_a_failed_login_stands_under_the_name_that_was_typed(cast, super_admin):
    login("The-Viewer", "Wrong-Horse-7")
    log = super_admin.get("/api/audit?outcome=failure").json()["logs"][0]
    assert (log["user"], log["action"], log["resource"]) == ("The-Viewer", "login", "auth")
    assert log["details"] == {"success": False, "reason": "The password is wrong."}


def test_a_denial_is_listed_with_the_permission_that_was_missing(cast, viewer, super_admin):
    assert viewer.post("/api/users", {}).status_code == 403
    (log,) = super_admin.get("/api/audit?action=access_denied").json()["logs"]
    assert (log["user"], log["resource"]) == ("the-viewer", "user")
    assert log["details"] == {"success": False, "required": "user_create", "method": "POST", "path": "/api/users"}


def test_what_the_system_does_itself_is_listed_without_an_address(cast, super_admin):
    log = super_admin.get("/api/audit?user=system&action=create").json()["logs"][0]
    assert (log["user"], log["user_id"], log["ip_address"], log["user_agent"]) == ("system", None, None, "")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("user=anna", ["two", "one"]),
        ("user=ANNA", ["two", "one"]),
        ("user=night.shift", ["three"]),
        ("user=ann", []),
        ("action=login&user=anna", ["two", "one"]),
        ("action=LOGIN&user=anna", ["two", "one"]),
        ("action=delete", ["four"]),
        ("resource=role&from=2031-01-01", ["five", "four"]),
        ("resource=auth&outcome=success", ["one"]),
        ("outcome=failure", ["two"]),
        ("ip_address=192.0.2.1", ["one"]),
        ("ip_address=::ffff:192.0.2.1", ["one"]),
        ("ip_address=2001:DB8:0::1", ["three"]),
        ("ip_address=203.0.113.9", []),
        ("from=2031-03-04", ["five", "four"]),
        ("from=2031-03-02&to=2031-03-03", ["three", "two"]),
        ("from=2031-03-03T12:00:00Z", ["five", "four", "three"]),
        ("from=2031-03-03T12:00:01Z", ["five", "four"]),
        ("from=2031-03-03T13:00:00%2B01:00", ["five", "four", "three"]),
        ("from=2031-03-03T13:00:00+01:00", ["five", "four", "three"]),
        ("from=2031-03-01&to=2031-03-01T11:59:59", []),
        ("from=2031-03-05&to=2031-03-01", []),
        ("resource=role&user=clerk&from=2031-03-05", ["five"]),
    ],
)
def test_filters_narrow_the_log(history, super_admin, query, names):
    assert found(super_admin, query) == names


def test_the_total_and_the_pages_follow_the_filters(history, super_admin):
    body = super_admin.get("/api/audit?user=anna&per_page=1&page=2").json()
    assert [log["resource_name"] for log in body.pop("logs")] == ["one"]
    assert body == {"total": 2, "page": 2, "per_page": 1, "pages": 2}
    assert super_admin.get("/api/audit?user=anna&page=7").json() == {
        "logs": [],
        "total": 2,
        "page": 7,
        "per_page": 10,
        "pages": 1,
    }


AN_ADDRESS = "Give an IP address such as 192.0.2.1, its beginning such as 192.0.2., or a range such as 192.0.2.0/24."
A_TIME = "Give a date or time such as 2030-01-31 or 2030-01-31T09:30:00Z."


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("from=yesterday", {"from": [A_TIME]}),
        ("to=2031-02-30", {"to": [A_TIME]}),
        ("from=0001-01-01T00:00:00%2B10:00", {"from": [A_TIME]}),
        ("to=2031-03-03T25:00:00Z", {"to": [A_TIME]}),
        ("ip_address=lab-3", {"ip_address": [AN_ADDRESS]}),
        ("outcome=maybe", {"outcome": ["Give one of: success, failure."]}),
        ("per_page=101", {"per_page": ["Give a whole number from 1 to 100."]}),
        ("sort=id", {"sort": ["There is no such parameter."]}),
        ("user=a&user=b", {"user": ["Give it once only."]}),
    ],
)
def test_a_filter_that_cannot_be_understood_is_named(cast, super_admin, query, errors):
    response = super_admin.get(f"/api/audit?{query}")
    assert (response.status_code, error_of(response)["errors"]) == (400, errors)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_dates_too(cast, super_admin, day):
    assert super_admin.get(f"/api/audit?from={day}&to={day}").json()["logs"] == []


def test_the_actions_of_the_contract_have_these_words():
    words = {
        *("login", "logout", "token_refresh", "create", "update", "delete", "password_change", "password_reset"),
        *("lock", "unlock", "role_assign", "role_revoke", "export", "access_denied", "session_end"),
    }
    assert words <= set(Action.values)


@pytest.mark.parametrize("name", ["password", "new_token", "refresh_hash", "otp_secret"])
def test_a_secret_is_never_recorded(db, name):
    before = AuditLog.objects.count()
    with pytest.raises(ValueError, match=name):
        record(actor=SYSTEM, action=Action.UPDATE, resource="user", **{name: "x"})
    with pytest.raises(ValueError, match=name):
        record(actor=SYSTEM, action=Action.UPDATE, resource="user", changes={name: ("x", "y")})
    assert AuditLog.objects.count() == before


def test_no_password_or_token_reaches_the_log(cast, super_admin):
    answer = login("the-viewer").json()
    viewer = Caller(cast.viewer)
    viewer.post("/api/auth/change-password", {"current_password": "Correct-Horse-7", "new_password": "Other-Horse-8"})
    Caller().post("/api/auth/refresh", {"refresh_token": answer["refresh_token"]})
    super_admin.post(f"/api/users/{cast.admin.pk}/reset-password", {"password": "Third-Horse-9"})
    told = str(list(AuditLog.objects.values_list("username", "user_agent", "resource_name", "details")))
    for secret in ("Correct-Horse-7", "Other-Horse-8", "Third-Horse-9", answer["access_token"], "bcrypt"):
        assert secret not in told


def test_a_user_agent_and_a_typed_name_of_any_length_are_kept_as_far_as_they_fit(db, anonymous):
    with request_origin(RequestOrigin(user_agent="x" * 2000)):
        row = record(actor=SYSTEM, action=Action.UPDATE, resource="user", resource_name="y" * 2000)
    row.refresh_from_db()
    assert (len(row.user_agent), len(row.resource_name)) == (512, 254)
