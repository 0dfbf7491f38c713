"""Locking, deactivating and ending sessions takes the permission alone; opening takes all that the account holds."""

from html import unescape

import pytest
from django.utils.html import strip_tags

from accounts.models import Session, User
from accounts.users import bulk
from accounts.users import services as user_services
from reprotech.core.exceptions import Conflict, Forbidden
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller, page_client

HOLDS = ("user_create", "user_read", "user_update", "role_read", "session_revoke")


@pytest.fixture
def officer(cast, make_role):
    """Who looks after people, and holds nothing of the laboratory."""
    make_role("People Officer", *HOLDS)
    return make_user("the-officer", "People Officer")


def text_of(response):
    return " ".join(unescape(strip_tags(response.content.decode())).split())


def now(user):
    return User.objects.get(pk=user.pk)


def as_put(user, **changes):
    """A whole record, as a client that read it sends it back."""
    fields = ("username", "email", "first_name", "last_name", "is_active")
    record = {name: getattr(user, name) for name in fields}
    return {**record, "roles": [role.name for role in user.roles.all()], **changes}


WAYS = {
    "api lock": (lambda o, u: Caller(o).post(f"/api/users/{u.pk}/lock"), "lock"),
    "api patch": (lambda o, u: Caller(o).patch(f"/api/users/{u.pk}", {"is_active": False}), "update"),
    "api put": (lambda o, u: Caller(o).put(f"/api/users/{u.pk}", as_put(u, is_active=False)), "update"),
    "page lock": (lambda o, u: page_client(o).post(f"/users/{u.pk}/lock"), "lock"),
    "page deactivate": (lambda o, u: page_client(o).post(f"/users/{u.pk}/deactivate"), "update"),
    "selected lock": (lambda o, u: page_client(o).post("/users/selected/lock", {"user": [u.pk]}), "lock"),
    "selected deactivate": (lambda o, u: bulk.set_active(actor=o, user_ids=[u.pk], is_active=False), "update"),
}


@pytest.mark.parametrize(("way", "action"), WAYS.values(), ids=WAYS)
def test_who_may_change_users_ends_the_access_of_those_who_hold_more(cast, officer, way, action):
    session = Caller(cast.researcher).signed_in.session
    with audit_rows() as rows:
        way(officer, cast.researcher)
    assert not now(cast.researcher).can_sign_in
    assert Session.objects.get(pk=session.pk).ended_at
    found = [(row.username, row.action, row.resource_name) for row in rows if row.action != "login"]
    assert found == [("the-officer", action, "the-researcher")]
    before = User.objects.filter(pk=cast.super_admin.pk).values().get()
    with audit_rows() as rows:
        way(officer, cast.super_admin)
    assert User.objects.filter(pk=cast.super_admin.pk).values().get() == before
    assert [row.resource_name for row in rows if row.action == "access_denied"] == ["the-super_admin"]


@pytest.mark.parametrize(
    "way",
    [
        lambda o, u, s: Caller(o).delete(f"/api/auth/sessions/{s.pk}"),
        lambda o, u, _: page_client(o).post(f"/users/{u.pk}/sessions/end"),
        lambda o, u, s: page_client(o).post(f"/users/{u.pk}/sessions/{s.pk}/end"),
        lambda o, u, _: page_client(o).post("/users/selected/sign-out", {"user": [u.pk]}),
    ],
    ids=["api", "page all", "page one", "selected"],
)
def test_who_may_end_sessions_ends_those_of_users_who_hold_more(cast, officer, way):
    for user, ends in ((cast.researcher, True), (cast.super_admin, False)):
        session = Caller(user).signed_in.session
        way(officer, user, session)
        assert bool(Session.objects.get(pk=session.pk).ended_at) is ends, user


def test_what_opens_again_takes_all_that_the_account_holds(cast, officer):
    user_services.lock_user(actor=officer, user_id=cast.researcher.pk)
    user_services.update_user(actor=officer, user_id=cast.researcher.pk, is_active=False)
    attempts = (
        lambda: user_services.unlock_user(actor=officer, user_id=cast.researcher.pk),
        lambda: user_services.update_user(actor=officer, user_id=cast.researcher.pk, is_active=True),
        lambda: user_services.update_user(actor=officer, user_id=cast.researcher.pk, is_active=False, email="a@b.de"),
        lambda: user_services.update_user(actor=officer, user_id=cast.researcher.pk, is_active=False, roles=[]),
        lambda: user_services.update_user(actor=officer, user_id=cast.researcher.pk, roles=["researcher"]),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden):
            attempt()
    user = now(cast.researcher)
    assert (user.is_locked, user.is_active, user.email) == (True, False, "the-researcher@lab.example")
    assert user.grants.role_slugs == ("researcher",)
    # What is so already isn't refused: a script may say it twice.
    user_services.update_user(actor=officer, user_id=cast.researcher.pk, is_active=False)
    user_services.lock_user(actor=officer, user_id=cast.researcher.pk)


def test_nobody_locks_themselves_out_or_the_last_super_administrator(cast, officer):
    for change in (user_services.lock_user, lambda **who: user_services.update_user(**who, is_active=False)):
        with pytest.raises(Conflict):
            change(actor=officer, user_id=officer.pk)
        with pytest.raises(Conflict):
            change(actor=cast.super_admin, user_id=cast.super_admin.pk)


def test_the_page_offers_what_closes_and_says_why_not_the_rest(cast, officer):
    browser = page_client(officer)
    path = f"/users/{cast.researcher.pk}"
    shown = browser.get(path).content.decode()
    assert {step for step in ("lock", "deactivate") if f"{path}/{step}" in shown} == {"lock", "deactivate"}
    assert not any(f"{path}/{step}" in shown for step in ("edit", "unlock", "reset-password", "delete", "activate"))
    assert "You can lock or deactivate this account and end its sessions, but change nothing else: it holds more" in (
        text_of(browser.get(path))
    )
    Caller(cast.researcher).signed_in  # noqa: B018 (opens a session)
    assert f"{path}/sessions/end" in browser.get(f"{path}/sessions").content.decode()
    asked = text_of(browser.get(f"{path}/lock"))
    assert "Lock the-researcher" in asked
    assert "holds more" not in asked
    assert "holds more" not in text_of(browser.get("/users/selected/lock", {"user": [cast.researcher.pk]}))
    top = f"/users/{cast.super_admin.pk}"
    assert f"{top}/lock" not in browser.get(top).content.decode()
    assert "You can't change this account: it holds more" in text_of(browser.get(top))


def test_the_palette_and_the_message_offer_only_what_is_possible(cast, officer):
    browser = page_client(officer)
    found = browser.get("/search?q=lock+the-researcher", headers={"accept": "application/json"}).json()
    assert f"/users/{cast.researcher.pk}/lock" in str(found)
    found = browser.get("/search?q=unlock+the-researcher", headers={"accept": "application/json"}).json()
    assert f"/users/{cast.researcher.pk}/unlock" not in str(found)
    browser.post("/users/selected/lock", {"user": [cast.researcher.pk]})
    shown = browser.get("/users").content.decode()
    # To undo it they would have to hold what a Researcher holds.
    assert "1 user locked." in shown
    assert "Undo" not in shown
