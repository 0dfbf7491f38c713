"""The reason of a change: read strictly, recorded with each event of it, shown, and erased with the person."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from audit.models import Action, AuditLog
from audit.models.resources import RECORDED_RESOURCES
from reprotech.conf.env import Environment
from reprotech.conf.required_reasons import ALL_PAIRS, REGULATED_PAIRS, read_required_reasons
from reprotech.core.change_reason import (
    INVISIBLE,
    NO_TEXT,
    NOT_ENCODED,
    TOO_LONG,
    TWO_REASONS,
    read_reason,
)
from reprotech.testing.client import Caller, page_client

WHY = "Ticket 4711: Zoë's leave"
WHY_ENCODED = "Ticket%204711%3A%20Zo%C3%AB's%20leave"
SESSION = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("given", "header", "text", "problem"),
    [
        (f"  {WHY} ", None, WHY, ""),
        (None, WHY_ENCODED, WHY, ""),
        (WHY, WHY_ENCODED, WHY, ""),
        (" \t ", "%20", "", ""),
        ("", WHY_ENCODED, WHY, ""),
        (None, None, "", ""),
        ("e\u0301" * 500, None, "é" * 500, ""),
        ("x" * 501, None, "", TOO_LONG),
        ("x" * 10_000, "%20", "", TOO_LONG),
        ("one\ntwo", None, "", INVISIBLE),
        (None, "one%00two", "", INVISIBLE),
        ("left \u202e right", None, "", INVISIBLE),
        (17, None, "", NO_TEXT),
        (["x"], None, "", NO_TEXT),
        (None, "100% sure", "", NOT_ENCODED),
        (None, "Zo\xeb", "", NOT_ENCODED),
        (None, "Zo%EB", "", NOT_ENCODED),
        ("One", "Two", "", TWO_REASONS),
    ],
)
def test_reasons_are_read_strictly(given, header, text, problem):
    reason = read_reason(given, header)
    assert (reason.text, reason.problem, reason.is_asked) == (text, problem, True)


def last_event(**filters):
    return AuditLog.objects.filter(**filters).order_by("-pk").first()


def test_it_stands_in_each_event_of_the_request(super_admin, cast):
    body = {"roles": ["viewer", "manager"], "first_name": "Vera", "reason": WHY}
    assert super_admin.patch(f"/api/users/{cast.viewer.pk}", body).status_code == 200
    events = AuditLog.objects.filter(request_id=last_event(resource="user").request_id)
    assert {event.action: event.details["reason_given"] for event in events} == {"update": WHY, "role_assign": WHY}
    done = super_admin.delete(f"/api/users/{cast.stranger.pk}", HTTP_X_REASON=WHY_ENCODED)
    assert (done.status_code, last_event(action="delete").details["reason_given"]) == (200, WHY)
    assert super_admin.post(f"/api/users/{cast.viewer.pk}/lock").status_code == 200
    assert "reason_given" not in last_event(action="lock").details


def test_a_denied_change_tells_it_too(cast):
    denied = Caller(cast.admin).patch(f"/api/users/{cast.super_admin.pk}", {"first_name": "X", "reason": WHY})
    assert denied.status_code == 403
    assert last_event(action="access_denied").details["reason_given"] == WHY


def test_strangers_write_no_reasons(anonymous, cast):
    body = {"username": cast.viewer.username, "password": "wrong", "reason": WHY}
    assert anonymous.post("/api/auth/login", body).json()["errors"] == {"reason": ["Unknown field."]}
    anonymous.post("/api/auth/login", {"username": "x", "password": "y"}, HTTP_X_REASON="a")
    assert "reason_given" not in last_event(action="login").details


def test_bodies_may_hold_nothing_but_a_reason(super_admin, cast):
    assert super_admin.post(f"/api/users/{cast.viewer.pk}/lock", {"reason": WHY}).status_code == 200
    assert last_event(action="lock").details["reason_given"] == WHY
    refused = super_admin.post(f"/api/users/{cast.viewer.pk}/unlock", {"reason": "x"}, HTTP_X_REASON="y")
    assert refused.json()["errors"] == {"reason": [TWO_REASONS]}


def test_erasing_a_person_takes_the_reasons_about_them(super_admin, cast):
    path = f"/api/users/{cast.viewer.pk}"
    assert super_admin.patch(path, {"first_name": "Vera", "reason": "Vera married"}).status_code == 200
    named = last_event(action="update", resource_id=str(cast.viewer.pk)).pk
    assert super_admin.delete(f"{path}/personal-data", HTTP_X_REASON="Request%2012").status_code == 200
    assert AuditLog.objects.get(pk=named).details["reason_given"] is None
    assert last_event(action="delete").details["reason_given"] is None
    assert last_event(action="erase").details["reason_given"] == "Request 12"
    page = page_client(cast.super_admin).get(f"/audit/{named}").content.decode()
    assert "Vera married" not in page
    assert "Reason given" not in page


def test_it_is_shown_searched_and_exported(super_admin, cast):
    assert super_admin.post(f"/api/users/{cast.viewer.pk}/lock", {"reason": WHY}).status_code == 200
    number = last_event(action="lock").pk
    client = page_client(cast.super_admin)
    for path in (
        f"/audit/{number}",
        "/audit?search=4711",
        f"/users/{cast.viewer.pk}/activity",
        "/audit/report?last=24h",
    ):
        assert "Ticket 4711: Zoë&#x27;s leave" in client.get(path).content.decode(), path
    export = b"".join(super_admin.get("/api/audit/export?format=csv&action=lock").streaming_content).decode()
    assert export.splitlines()[0].endswith(",details,reason")
    assert WHY in export.splitlines()[1]
    found = super_admin.get("/api/audit?search=4711").json()["logs"]
    assert [event["details"]["reason_given"] for event in found if event["id"] == number] == [WHY]


@pytest.mark.parametrize(
    ("given", "pairs"),
    [
        ("", frozenset()),
        ("user:lock, ROLE:UPDATE", {"user:lock", "role:update"}),
        ("regulated,user:create", REGULATED_PAIRS | {"user:create"}),
    ],
)
def test_the_setting_lists_changes(tmp_path, monkeypatch, given, pairs):
    monkeypatch.setenv("REASON_REQUIRED_FOR", given)
    assert read_required_reasons(Environment(tmp_path / ".env")) == pairs


def test_unknown_changes_stop_the_start(tmp_path, monkeypatch):
    monkeypatch.setenv("REASON_REQUIRED_FOR", "user:lock,user:fly,audit:read")
    with pytest.raises(ImproperlyConfigured) as refused:
        read_required_reasons(Environment(tmp_path / ".env"))
    assert str(refused.value).startswith(
        "REASON_REQUIRED_FOR doesn't know audit:read, user:fly. It takes regulated and: "
    )
    assert "user:lock" in str(refused.value)


def test_the_settings_name_what_events_are_called():
    resources, actions = ({pair.split(":")[part] for pair in ALL_PAIRS} for part in (0, 1))
    assert resources <= set(RECORDED_RESOURCES)
    assert actions <= set(Action.values)
    assert REGULATED_PAIRS <= ALL_PAIRS
