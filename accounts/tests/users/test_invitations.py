"""Invitations: the state of an account whose owner has no password yet, and what can be done with its link."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.users import services as user_services
from accounts.users.invitations import services as invitation_services
from reprotech.core.exceptions import Conflict, Forbidden
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller, page_client

NEW_PASSWORD = "Other-Horse-8"


def invite(username="fresh", *roles, **fields):
    return make_user(username, *roles, password=None, **fields)


@pytest.fixture
def fresh(cast):
    """Invited, and no mail of it is left."""
    user = invite("fresh", "viewer", first_name="Fresh")
    mail.outbox.clear()
    return user


@pytest.fixture
def sent(django_capture_on_commit_callbacks):
    """Within the block mails leave as after a commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def reread(user):
    return User.objects.get(pk=user.pk)


def link_in(text):
    return re.search(r"http://127\.0\.0\.1:5001(/set-password/[\w/-]+)", text)[1]


def opens(path):
    """Whether a link shows the form for a password."""
    return b"Choose your password" in Client().get(path, follow=True).content


def since(user, **ago):
    User.objects.filter(pk=user.pk).update(invited_at=timezone.now() - timedelta(**ago))
    return reread(user)


# States


def test_who_never_had_a_password_is_invited(cast, fresh):
    assert (fresh.status, fresh.state) == ("invited", "invited")
    assert fresh.invitation_expires_at == fresh.invited_at + timedelta(days=3)
    assert make_user("robot", is_service=True, password=None).state == "service"
    assert make_user("forced", must_change_password=True).state == "must_change_password"
    assert cast.viewer.state == "active"


@pytest.mark.parametrize("void", ["too old", "locked", "address"])
def test_an_invitation_without_a_link_that_works_has_expired(cast, fresh, void):
    if void == "too old":
        since(fresh, days=3, seconds=1)
    elif void == "locked":
        user_services.lock_user(actor=cast.admin, user_id=fresh.pk)
        assert reread(fresh).state == "locked"
        user_services.unlock_user(actor=cast.admin, user_id=fresh.pk)
    else:
        user_services.update_user(actor=cast.admin, user_id=fresh.pk, email="other@lab.example")
    user = reread(fresh)
    assert (user.status, user.state) == ("invited", "invitation_expired")
    assert list(User.objects.invitation_expired()) == [user]


def test_a_password_ends_the_invitation(cast, sent):
    with sent():
        user = invite()
    browser = Client()
    browser.get(link_in(mail.outbox[0].body))
    browser.post("/set-password", {"new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD})
    user = reread(user)
    assert (user.status, user.invited_at, user.invitation_expires_at) == ("active", None, None)


def test_every_query_agrees_with_the_property(cast, fresh):
    invite("old")
    since(User.objects.get(username="old"), days=4)
    make_user("forced", must_change_password=True)
    make_user("robot", is_service=True, password=None)
    invite("away", is_active=False)
    user_services.lock_user(actor=cast.admin, user_id=invite("shut").pk)
    everybody = list(User.objects.existing())
    assert {user.username for user in everybody if user.status == "invited"} == {"fresh", "old"}
    for status in ("inactive", "locked", "invited"):
        found = getattr(User.objects, status)()
        assert {user.pk for user in found} == {user.pk for user in everybody if user.status == status}
    for state in ("invitation_expired", "must_change_password"):
        found = getattr(User.objects, state)()
        assert {user.pk for user in found} == {user.pk for user in everybody if user.state == state} != set()


def test_active_finds_whom_it_always_found(cast, fresh, admin):
    names = {user["username"] for user in admin.get("/api/users?status=active&per_page=100").json()["users"]}
    assert {"fresh", "the-viewer"} <= names
    (found,) = admin.get("/api/users?status=invited").json()["users"]
    assert (found["username"], found["status"], found["is_active"]) == ("fresh", "invited", True)
    assert found["invitation_expires_at"] > found["invited_at"]


# Sending it again


def test_a_new_invitation_replaces_the_link(cast, sent, expect_row):
    with sent():
        user = invite()
    since(user, days=4)
    with sent(), audit_rows() as rows:
        invitation_services.resend_invitation(actor=cast.admin, user_id=user.pk)
    first, second = (link_in(message.body) for message in mail.outbox)
    assert (opens(first), opens(second)) == (False, True)
    assert reread(user).state == "invited"
    (row,) = rows
    expect_row(row, cast.admin, "update", user, invitation="sent", sent_to="fresh@lab.example")


@pytest.mark.parametrize("service", ["resend_invitation", "withdraw_invitation", "make_invitation_link"])
def test_who_may_not_change_the_account_may_not_invite_either(cast, fresh, service):
    run = getattr(invitation_services, service)
    before = reread(fresh).link_number
    with pytest.raises(Forbidden):
        run(actor=cast.manager, user_id=fresh.pk)
    root = invite("root", "super_admin")
    with pytest.raises(Forbidden):
        run(actor=cast.admin, user_id=root.pk)
    assert reread(fresh).link_number == before


@pytest.mark.parametrize("service", ["resend_invitation", "withdraw_invitation", "make_invitation_link"])
def test_only_the_invited_can_be_invited_again(cast, service):
    run = getattr(invitation_services, service)
    robot = make_user("robot", is_service=True, password=None)
    for user in (cast.viewer, robot):
        with audit_rows() as rows, pytest.raises(Conflict):
            run(actor=cast.admin, user_id=user.pk)
        assert rows == []
        assert reread(user).is_active


def test_a_locked_account_is_unlocked_first(cast, fresh):
    user_services.lock_user(actor=cast.admin, user_id=fresh.pk)
    with pytest.raises(Conflict, match="Unlock it first"):
        invitation_services.resend_invitation(actor=cast.admin, user_id=fresh.pk)


# Withdrawing it


def test_withdrawn_the_link_stops_at_once_and_the_account_stays_inactive(cast, sent, expect_row):
    with sent():
        user = invite("fresh", "viewer")
    link = link_in(mail.outbox[0].body)
    with sent(), audit_rows() as rows:
        invitation_services.withdraw_invitation(actor=cast.admin, user_id=user.pk)
        invitation_services.withdraw_invitation(actor=cast.admin, user_id=user.pk)
    assert not opens(link)
    user = reread(user)
    assert (user.status, user.invited_at, user.grants.role_slugs) == ("inactive", None, ("viewer",))
    (row,) = rows
    expect_row(row, cast.admin, "update", user, invitation="withdrawn", changes={"is_active": [True, False]})
    assert [message.subject for message in mail.outbox[1:]] == ["Reprotech: Your invitation was withdrawn"]
    user_services.update_user(actor=cast.admin, user_id=user.pk, is_active=True)
    assert reread(user).state == "invitation_expired"
    assert not opens(link)


def test_a_mail_that_still_waits_is_not_sent(cast, fresh, sent):
    with sent():
        invitation_services.resend_invitation(actor=cast.admin, user_id=fresh.pk)
        invitation_services.withdraw_invitation(actor=cast.admin, user_id=fresh.pk)
    assert ["withdrawn" in message.subject for message in mail.outbox] == [True]


# Its link


def test_a_link_is_shown_once_where_passwords_of_others_may_be_known(cast, fresh, sent, settings):
    settings.ADMIN_SETS_PASSWORDS = True
    browser = page_client(cast.admin)
    path = f"/users/{fresh.pk}/invitation/link"
    assert "/set-password/" not in browser.get(path).content.decode()
    with sent(), audit_rows() as rows:
        link = link_in(browser.post(path).content.decode())
    assert opens(link)
    (row,) = rows
    assert (row.username, row.action, row.resource_name) == ("the-admin", "update", "fresh")
    assert row.details["invitation"] == "link"
    assert link.split("/")[-1] not in str(row.details)
    (message,) = mail.outbox
    assert message.subject == "Reprotech: A link to your account was made"
    assert "/set-password/" not in message.body


def test_elsewhere_nobody_gets_the_link(cast, fresh, settings, admin):
    settings.ADMIN_SETS_PASSWORDS = False
    refused = admin.post(f"/api/users/{fresh.pk}/invitation/link")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    browser = page_client(cast.admin)
    assert "/set-password/" not in browser.post(f"/users/{fresh.pk}/invitation/link").content.decode()
    assert "Copy invitation link" not in browser.get(f"/users/{fresh.pk}").content.decode()
    assert reread(fresh).link_number == 0


# Pages and API


def test_the_api_sends_withdraws_and_makes_links(cast, fresh, admin):
    path = f"/api/users/{fresh.pk}/invitation"
    sent = admin.post(path)
    assert (sent.status_code, sent.json()["message"]) == (200, "Invitation sent successfully")
    assert sent.json()["user"]["status"] == "invited"
    made = admin.post(f"{path}/link")
    assert (made.status_code, set(made.json())) == (200, {"message", "link"})
    assert opens(link_in(made.json()["link"]))
    withdrawn = admin.delete(path)
    assert withdrawn.json()["message"] == "Invitation withdrawn successfully"
    assert withdrawn.json()["user"]["status"] == "inactive"
    assert admin.post(path).status_code == 409
    assert Caller(cast.viewer).post(path).status_code == 403


def test_the_page_of_who_is_invited_offers_what_fits(cast, fresh):
    browser = page_client(cast.admin)
    page = browser.get(f"/users/{fresh.pk}").content.decode()
    for words in ("Invited", "expires", "Resend invitation", "Withdraw invitation"):
        assert words in page
    since(fresh, days=5)
    assert "Invitation expired" in browser.get(f"/users/{fresh.pk}").content.decode()
    other = browser.get(f"/users/{cast.viewer.pk}").content.decode()
    assert "Resend invitation" not in other
    reader = page_client(cast.manager).get(f"/users/{fresh.pk}").content.decode()
    assert "Invitation expired" in reader
    assert "Resend invitation" not in reader


@pytest.mark.parametrize(
    ("path", "message", "state"),
    [
        ("invitation", "User fresh invited again.", "invited"),
        ("invitation/withdraw", "User fresh is no longer invited. The account is inactive.", "inactive"),
    ],
)
def test_the_page_asks_before_it_does_it(cast, fresh, path, message, state):
    since(fresh, days=5)
    browser = page_client(cast.admin)
    asked = browser.get(f"/users/{fresh.pk}/{path}").content.decode()
    assert "Earlier links stop working" in asked or "stops working at once" in asked
    assert reread(fresh).state == "invitation_expired"
    assert message in browser.post(f"/users/{fresh.pk}/{path}", follow=True).content.decode()
    assert reread(fresh).state == state


def test_several_at_once_each_on_its_own(cast, fresh):
    old, browser = invite("old"), page_client(cast.admin)
    since(old, days=5)
    ids = {"user": [fresh.pk, old.pk, cast.viewer.pk]}
    with audit_rows() as rows:
        page = browser.post("/users/selected/invite", ids, follow=True).content.decode()
    assert "2 users invited again. Refused: the-viewer (the-viewer has a password already." in page
    assert [row.details["invitation"] for row in rows] == ["sent", "sent"]
    matching = {"matching": "?status=invited"}
    seen = re.search(
        r'name="seen" value="(\w+)"', browser.get("/users/selected/withdraw-invitation", matching).content.decode()
    )
    browser.post("/users/selected/withdraw-invitation", {**matching, "seen": seen[1]})
    assert (reread(fresh).status, reread(old).status) == ("inactive", "inactive")
    assert reread(cast.viewer).is_active


def test_the_list_filters_by_state_and_second_factor(cast, fresh, admin):
    since(invite("old"), days=5)
    make_user("robot", is_service=True, password=None)
    User.objects.filter(pk=cast.viewer.pk).update(factor_kinds="totp")

    def found(query):
        return {user["username"] for user in admin.get(f"/api/users?{query}&per_page=100").json()["users"]}

    assert found("status=invitation_expired") == {"old"}
    assert found("factor=yes") == {"the-viewer"}
    without = found("factor=no")
    assert {"fresh", "the-admin"} <= without
    assert without.isdisjoint({"robot", "the-viewer"})
    assert found("factor=yes&status=invited") == set()
    assert admin.get("/api/users?factor=maybe").status_code == 400
    listed = page_client(cast.admin).get("/users?status=invitation_expired").content.decode()
    assert "old@lab.example" in listed
    assert "fresh@lab.example" not in listed


def test_who_guessed_too_often_is_shown_as_locked_out(cast, settings, anonymous):
    for _ in range(11):
        anonymous.post("/api/auth/login", {"username": "the-viewer", "password": "Wrong-Horse-7"})
    browser = page_client(cast.admin)
    assert browser.get("/users?search=the-viewer").content.decode().count("Locked out") == 1
    assert "Locked out" in browser.get(f"/users/{cast.viewer.pk}").content.decode()
    user_services.unlock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    assert "Locked out" not in browser.get("/users").content.decode()
    assert Caller(cast.viewer).get("/api/auth/me").json()["status"] == "active"
