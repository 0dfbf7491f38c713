"""Asking for a role, deciding about it, and what time and other changes do to a request."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access_requests.announcements import announce_requests
from access_requests.asking.roles import smallest_roles_with
from access_requests.asking.services import ask_for_role, withdraw_request
from access_requests.deciding.services import decline_request, grant_request
from access_requests.exceptions import AskedAlready, CantSignIn, OwnRequest, PeopleOnly, RequestClosed, TooManyRequests
from access_requests.expiry import close_overdue
from access_requests.models import LIFETIME, AccessRequest, State
from accounts.access.authorization import SYSTEM
from accounts.exclusions.services import create_exclusion
from accounts.models import OutgoingMail, Role, RoleGrant
from accounts.roles.services import create_role, update_role
from accounts.users.erasure import erase_personal_data
from accounts.users.services import lock_user
from audit.models import Action, AuditLog
from audit.presentation.event_text import sentence
from reprotech.core.exceptions import Conflict, Forbidden, ValidationFailed
from reprotech.testing.cast import at_once, make_user
from reprotech.testing.client import Caller, page_client

WHY = "The new study needs it."


@pytest.fixture
def asker(cast):
    return make_user("asker", "viewer", first_name="Ana", last_name="Asker")


def ask(user, role="researcher", **values):
    return ask_for_role(actor=user, role=role, reason=WHY, **values)


def events(request):
    return list(AuditLog.objects.filter(resource="access_request", resource_id=str(request.pk)).order_by("pk"))


def test_a_grant_is_made_in_the_name_of_who_decides_with_the_reason_of_the_request(cast, asker):
    end = timezone.now() + timedelta(days=30)
    request = ask(asker, ends_at=end)
    grant_request(actor=cast.super_admin, request_id=request.pk, ends_at=end - timedelta(days=10))
    grant = RoleGrant.objects.get(user=asker, role__slug="researcher")
    assert (grant.granted_by, grant.reason, grant.ends_at) == (cast.super_admin, WHY, end - timedelta(days=10))
    event = AuditLog.objects.filter(action=Action.ROLE_ASSIGN, resource_id=str(asker.pk)).latest("pk")
    assert (event.user_id, event.details["request"]) == (cast.super_admin.pk, request.pk)
    assert [event.details["step"] for event in events(request)] == ["asked", "granted"]
    assert sentence(events(request)[0]) == "asker asked for the role Researcher"
    assert OutgoingMail.objects.filter(user=asker, letter="access_request_granted").count() + len(mail.outbox) == 1


def test_only_a_shorter_period_than_asked_for_is_granted(cast, asker):
    request = ask(asker, ends_at=timezone.now() + timedelta(days=3))
    for longer in (None, timezone.now() + timedelta(days=4)):
        with pytest.raises(ValidationFailed):
            grant_request(actor=cast.super_admin, request_id=request.pk, ends_at=longer)
    assert not RoleGrant.objects.filter(user=asker, role__slug="researcher").exists()


def test_nobody_decides_their_own_request(cast):
    asker = make_user("boss", "admin")
    request = ask(asker, "viewer")
    for decide in (lambda: grant_request(actor=asker, request_id=request.pk), lambda: decline(asker, request)):
        with pytest.raises(OwnRequest):
            decide()
    assert AccessRequest.objects.decidable_by(asker).count() == 0


def decline(actor, request):
    return decline_request(actor=actor, request_id=request.pk, note="Ask your group first.")


def test_the_second_to_decide_is_refused(cast, asker):
    request = ask(asker)
    decline(cast.super_admin, request)
    with pytest.raises(RequestClosed, match="was declined by"):
        grant_request(actor=cast.admin, request_id=request.pk)
    assert not RoleGrant.objects.filter(user=asker, role__slug="researcher").exists()


def test_who_may_not_give_the_role_decides_nothing(cast, asker):
    role = create_role(actor=SYSTEM, name="Helper", permissions=["user_update"])
    helper = make_user("helper")
    helper.roles.add(role)
    request = ask(asker)
    assert AccessRequest.objects.visible_to(helper).count() == 0
    for decide in (lambda: grant_request(actor=helper, request_id=request.pk), lambda: decline(helper, request)):
        with pytest.raises(Forbidden):
            decide()
    assert AccessRequest.objects.decidable_by(cast.admin).count() == 1


def test_a_hidden_role_answers_like_none(asker):
    create_role(actor=SYSTEM, name="Secret project", permissions=[])
    for name in ("Secret project", "super_admin", "nowhere"):
        with pytest.raises(ValidationFailed) as refused:
            ask(asker, name)
        assert refused.value.errors == {"role": ["There is no role of this name that people may ask for."]}


def test_super_administrator_can_never_be_asked_for(cast):
    role = Role.objects.get(slug="super_admin")
    with pytest.raises(Conflict):
        update_role(actor=cast.super_admin, role_id=role.pk, is_requestable=True)


def test_opening_a_system_role_to_requests_leaves_its_permissions_to_updates(cast):
    role = Role.objects.get(slug="manager")
    changed = update_role(actor=cast.super_admin, role_id=role.pk, is_requestable=True)
    assert (changed.is_requestable, changed.is_customized) == (True, False)


def test_limits_and_repetitions_are_refused(asker):
    request = ask(asker)
    with pytest.raises(AskedAlready):
        ask(asker)
    with pytest.raises(Conflict, match="already"):
        ask(asker, "viewer")
    withdraw_request(actor=asker, request_id=request.pk)
    names = [f"Role {number}" for number in range(AccessRequest.MAX_OPEN + 1)]
    for name in names:
        create_role(actor=SYSTEM, name=name, permissions=[], is_requestable=True)
    for name in names[:-1]:
        ask(asker, name)
    with pytest.raises(TooManyRequests):
        ask(asker, names[-1])


def test_nobody_fills_the_records_by_asking_and_withdrawing(asker, monkeypatch):
    monkeypatch.setattr(AccessRequest, "MAX_A_DAY", 3)
    for _ in range(3):
        withdraw_request(actor=asker, request_id=ask(asker).pk)
    with pytest.raises(TooManyRequests, match="within a day"):
        ask(asker)
    AccessRequest.objects.update(asked_at=timezone.now() - timedelta(days=1))
    ask(asker)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\u202eb", "\u200d", "\u200c\u200d", "\u00a0\u200d"])
def test_a_reason_that_is_none_is_refused(asker, reason):
    with pytest.raises(ValidationFailed):
        ask_for_role(actor=asker, role="researcher", reason=reason)


def test_programs_ask_for_nothing(cast):
    program = make_user("robot", "viewer", is_service=True, password=None)
    with pytest.raises(PeopleOnly):
        ask(program)


def test_a_request_expires_by_itself_and_is_recorded_once(cast, asker):
    request = ask(asker)
    AccessRequest.objects.filter(pk=request.pk).update(expires_at=timezone.now())
    with pytest.raises(RequestClosed):
        grant_request(actor=cast.super_admin, request_id=request.pk)
    assert AccessRequest.objects.open().count() == 0
    assert (close_overdue(), close_overdue()) == (1, 0)
    assert [event.details["step"] for event in events(request)] == ["asked", "expired"]
    assert request.expires_at - request.asked_at == LIFETIME
    ask(asker)


def test_a_deleted_role_ends_its_requests(cast, asker):
    role = create_role(actor=SYSTEM, name="Short", permissions=[], is_requestable=True)
    request = ask(asker, "Short")
    role.delete()
    with pytest.raises(RequestClosed, match="deleted"):
        grant_request(actor=cast.super_admin, request_id=request.pk)
    close_overdue()
    assert events(request)[-1].details["reason"] == "role_deleted"


def test_a_locked_person_gets_nothing(cast, asker):
    request = ask(asker)
    lock_user(actor=cast.super_admin, user_id=asker.pk)
    with pytest.raises(CantSignIn, match="locked"):
        grant_request(actor=cast.super_admin, request_id=request.pk)
    decline(cast.super_admin, request)


def test_each_request_is_announced_once_and_to_few(cast, asker):
    request = ask(asker)
    assert announce_requests() > 0
    assert announce_requests() == 0
    assert 0 < len(events(request)[-1].details["mailed"]) <= 5
    assert asker.pk not in events(request)[-1].details["mailed"]


def test_the_smallest_roles_with_a_permission_are_named(asker):
    named = [role.slug for role in smallest_roles_with("lab_test_create", asker)]
    assert named[0] == min(named, key=lambda slug: Role.objects.get(slug=slug).permissions.count())
    assert "admin" not in named
    assert smallest_roles_with("user_create", asker) == []


def test_pages_from_the_missing_permission_to_the_decision(cast, asker):
    browser, boss = page_client(asker), page_client(cast.super_admin)
    # No role that a person may ask for has the permission of this page; another permission's page names them.
    assert b"Ask for the role" not in browser.get("/users").content
    update_role(actor=cast.super_admin, role_id=Role.objects.get(slug="manager").pk, is_requestable=True)
    assert b"/requests/new?role=manager" in browser.get("/users").content
    assert b"Manager" in browser.get("/requests/new?role=manager").content
    refused = browser.post("/requests/new", {"role": "manager", "reason": "", "ends": "weeks"})
    assert refused.status_code == 422
    asked = browser.post("/requests/new", {"role": "manager", "reason": WHY, "ends": "weeks"})
    assert asked.status_code == 302
    request = AccessRequest.objects.get()
    assert WHY in browser.get("/profile/requests").text
    assert WHY in boss.get("/requests").text
    assert WHY in boss.get(f"/requests/{request.pk}").text
    assert page_client(cast.viewer).get(f"/requests/{request.pk}").status_code == 404
    for verb in ("grant", "decline", "withdraw"):
        assert boss.get(f"/requests/{request.pk}/{verb}").status_code == 200
    assert boss.post(f"/requests/{request.pk}/decline", {"note": ""}).status_code == 422
    assert boss.post(f"/requests/{request.pk}/grant", {"ends": "never"}).status_code == 422
    assert boss.post(f"/requests/{request.pk}/grant", {"ends": "weeks"}).status_code == 302
    assert RoleGrant.objects.get(user=asker, role__slug="manager").ends_at == request.ends_at
    assert "Granted" in browser.get("/profile/requests").text


def test_the_list_takes_as_many_queries_for_many(cast, asker):
    roles = [create_role(actor=SYSTEM, name=f"Role {n}", permissions=[], is_requestable=True) for n in range(4)]
    boss = page_client(cast.super_admin)
    boss.get("/requests")
    counts = []
    for role in roles:
        ask(asker, role.name)
        with CaptureQueriesContext(connection) as queries:
            boss.get("/requests")
        counts.append(len(queries))
    assert len(set(counts[1:])) == 1


def test_the_api_hides_who_decided_from_who_may_not_read_users(cast, asker):
    caller, boss = Caller(asker), Caller(cast.super_admin)
    made = caller.post("/api/access-requests", {"role": "researcher", "reason": WHY})
    assert made.status_code == 201
    pk = made.json()["request"]["id"]
    assert boss.post(f"/api/access-requests/{pk}/grant", {}).json()["request"]["state"] == "granted"
    mine = caller.get("/api/access-requests?mine=true").json()["requests"][0]
    assert (mine["state"], mine["decided_by"], mine["reason"]) == ("granted", None, WHY)
    again = boss.post(f"/api/access-requests/{pk}/decline", {"note": "No."})
    assert (again.status_code, again.json()["code"]) == (409, "request_closed")


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_is_refused(cast):
    other = make_user("other", "super_admin")
    for number in range(3):
        asked = ask(make_user(f"asker-{number}", "viewer"))
        decisions = (
            partial(Caller(cast.super_admin).post, f"/api/access-requests/{asked.pk}/grant", {}),
            partial(Caller(other).post, f"/api/access-requests/{asked.pk}/decline", {"note": "No."}),
        )
        assert sorted(answer.status_code for answer in at_once(*decisions)) == [200, 409]
        asked.refresh_from_db()
        is_given = RoleGrant.objects.filter(user=asked.user, role__slug="researcher").exists()
        assert is_given == (asked.state == State.GRANTED)


def test_an_erased_person_leaves_no_request_and_no_words(cast, asker):
    decided, waiting = ask(asker), ask(asker, "veterinarian")
    decline_request(actor=cast.super_admin, request_id=decided.pk, note="Ana left the study.")
    erase_personal_data(actor=cast.super_admin, user_id=asker.pk)
    assert not AccessRequest.objects.filter(pk__in=[decided.pk, waiting.pk]).exists()
    kept = str([(event.username, event.details) for event in AuditLog.objects.filter(resource="access_request")])
    for words in (WHY, "Ana", "asker"):
        assert words not in kept


def test_an_exclusion_is_shown_to_who_decides_and_refuses_the_grant(cast, asker):
    create_exclusion(actor=SYSTEM, name="Two hands", set_a=["Viewer"], set_b=["Researcher"], reason="Four eyes")
    request, caller, boss = ask(asker), Caller(asker), Caller(cast.super_admin)
    mine, theirs = (who.get(f"/api/access-requests/{request.pk}").json() for who in (caller, boss))
    assert (mine["segregation"], mine["conflicts"]) == ("refuse", [])
    assert theirs["segregation"] == "refuse"
    assert theirs["conflicts"][0]["exclusion"] == "Two hands"
    refused = boss.post(f"/api/access-requests/{request.pk}/grant", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "segregation")
    assert AccessRequest.objects.open().filter(pk=request.pk).exists()


def test_others_requests_are_hidden_from_who_can_decide_nothing(cast, asker):
    request, viewer = ask(asker), Caller(cast.viewer)
    assert viewer.get("/api/access-requests").json()["total"] == 0
    for method, act, body in (
        ("GET", "", None),
        ("POST", "/withdraw", {}),
        ("POST", "/grant", {}),
        ("POST", "/decline", {"note": "No."}),
    ):
        answer = viewer.call(method, f"/api/access-requests/{request.pk}{act}", body)
        assert answer.status_code == (404 if act in {"", "/withdraw"} else 403), act
    assert AccessRequest.objects.open().filter(pk=request.pk).exists()
