"""How long a session lasts, used and unused, and what becomes of its cookie meanwhile."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.core.exceptions import TokenInvalid
from accounts.models import Session, User
from accounts.sessions import refresh
from accounts.sessions import services as session_services
from accounts.users.services import update_user
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def sign_in(user, **more):
    client = Client()
    assert client.post("/login", {"username": user.username, "password": PASSWORD, **more}).status_code == 302
    return client


def passes(time, session=None):
    """Let time pass: all that sessions remember is so much longer ago."""
    for row in Session.objects.filter(pk=session.pk) if session else Session.objects.all():
        for name in ("created_at", "last_used_at", "expires_at", "ends_at", "confirmed_at", "rotated_at"):
            if value := getattr(row, name):
                setattr(row, name, value - time)
        row.save()


def is_in(client):
    return client.get("/profile").status_code == 200


def test_a_page_session_ends_after_an_hour_without_use(cast):
    browser = sign_in(cast.viewer)
    passes(HOUR - MINUTE)
    assert is_in(browser)
    passes(HOUR - MINUTE)
    assert is_in(browser), "the use counted"
    passes(HOUR)
    assert not is_in(browser)


def test_a_page_session_ends_after_twelve_hours_however_busy(cast):
    browser = sign_in(cast.viewer)
    for _ in range(23):
        passes(HOUR / 2)
        assert is_in(browser)
    passes(HOUR / 2)
    assert not is_in(browser)


def test_a_remembered_session_lasts_for_a_week_without_use_and_a_month_with(cast):
    browser = sign_in(cast.viewer, remember="on")
    assert browser.cookies["reprotech_session"]["max-age"] == pytest.approx(30 * 86_400, abs=5)
    for _ in range(4):
        passes(7 * DAY - HOUR)
        assert is_in(browser)
    session = Session.objects.get()
    assert session.expires_at == session.ends_at
    passes(3 * DAY)
    assert not is_in(browser)
    unused = sign_in(cast.viewer, remember="on")
    passes(7 * DAY)
    assert not is_in(unused)


def test_a_cookie_that_is_not_remembered_goes_with_the_browser(cast):
    assert sign_in(cast.viewer).cookies["reprotech_session"]["max-age"] == ""


def test_an_installation_takes_the_choice_to_be_remembered_away(cast, settings, client):
    assert "Keep me signed in for 30 days" in client.get("/login").content.decode()
    settings.REMEMBERED_SESSION_LIFETIME = timedelta(0)
    assert "Keep me signed in" not in client.get("/login").content.decode()
    browser = sign_in(cast.viewer, remember="on")
    session = Session.objects.get()
    assert not session.is_remembered
    assert session.ends_at <= timezone.now() + 12 * HOUR
    assert browser.cookies["reprotech_session"]["max-age"] == ""


def test_a_token_session_needs_a_refresh_a_month_and_a_login_a_quarter(cast):
    signed_in = Caller().post("/api/auth/login", {"username": "the-viewer", "password": PASSWORD})
    refresh_token = signed_in.json()["refresh_token"]
    session = Session.objects.get(kind="token")
    for days, left in ((29, 30), (29, 30), (29, 3)):
        passes(days * DAY, session)
        refresh_token = refresh.refresh_session(refresh_token=refresh_token).pair.refresh_token
        session.refresh_from_db()
        assert session.expires_at - timezone.now() == pytest.approx(left * DAY, abs=HOUR)
    passes(3 * DAY, session)
    with pytest.raises(TokenInvalid):
        refresh.refresh_session(refresh_token=refresh_token)


def test_using_an_access_token_does_not_extend_its_session(cast):
    caller = Caller(cast.viewer)
    session = caller.signed_in.session
    expires_at = timezone.now() + HOUR
    Session.objects.filter(pk=session.pk).update(last_used_at=timezone.now() - HOUR, expires_at=expires_at)
    assert caller.get("/api/auth/me").status_code == 200
    used = Session.objects.get(pk=session.pk)
    assert (used.expires_at, used.last_used_at > session.last_used_at) == (expires_at, True)


def test_what_a_page_asks_by_itself_is_no_use(cast):
    browser = sign_in(cast.super_admin)
    for _ in range(2):
        passes(HOUR / 2)
        before = Session.objects.get().last_used_at
        answer = browser.get("/", HTTP_HX_REQUEST="true", HTTP_X_UNATTENDED="true")
        assert Session.objects.get().last_used_at == before
    assert answer.status_code == 401


def test_being_used_costs_a_write_a_minute_at_most(cast):
    browser = sign_in(cast.viewer)
    passes(MINUTE / 2)
    before = Session.objects.get().last_used_at
    assert is_in(browser)
    assert Session.objects.get().last_used_at == before
    passes(MINUTE / 2)
    assert is_in(browser)
    assert Session.objects.get().last_used_at > before


@pytest.mark.parametrize("path", ["/profile", "/admin/"])
def test_one_is_shown_that_the_session_has_ended_and_comes_back(cast, path):
    browser = sign_in(cast.super_admin)
    passes(HOUR)
    page = browser.get(path, follow=True)
    assert page.redirect_chain == [(f"/login?next={path}", 302)]
    assert "Your session has ended. Sign in to continue." in page.content.decode()
    assert "Your session has ended" not in browser.get("/login").content.decode()


def test_who_never_signed_in_is_shown_nothing(db, client):
    assert "Your session has ended" not in client.get("/profile", follow=True).content.decode()


def test_the_list_says_when_each_session_ends(cast):
    page = sign_in(cast.viewer)
    Caller(cast.viewer).token  # noqa: B018 (opens the session)
    text = " ".join(page.get("/profile/sessions").content.decode().split())
    assert "or 1 hour after its last use" in text
    assert "or 30 days after its last refresh" in text
    assert f"{Session.objects.get(kind='page').ends_at:%Y-%m-%dT%H:%M}" in text


# Cookies


def test_signing_in_makes_a_new_session_and_a_new_csrf_token(cast):
    browser = Client()
    browser.get("/login")
    csrf = browser.cookies["reprotech_csrf"].value
    browser.post("/login", {"username": "the-viewer", "password": PASSWORD})
    first = Session.objects.get()
    assert browser.cookies["reprotech_csrf"].value != csrf
    session_services.end_session(actor=cast.viewer, session_id=first.pk)
    browser.post("/login", {"username": "the-viewer", "password": PASSWORD})
    assert Session.objects.alive().get().pk != first.pk


def copy_of(browser):
    copied = Client()
    copied.cookies = browser.cookies.copy()
    return copied


def confirm(browser):
    answer = browser.post("/profile/security/confirm", {"password": PASSWORD, "next": "/profile"})
    assert answer.url == "/profile"


def change_password(browser):
    typed = {"current_password": PASSWORD, "new_password": "Other-Horse-8", "repeated": "Other-Horse-8"}
    assert browser.post("/password", typed).url == "/"


@pytest.mark.parametrize("prove", [confirm, change_password])
def test_a_copied_cookie_is_good_no_longer_once_its_owner_proves_who_they_are(cast, prove):
    browser = sign_in(cast.viewer)
    thief = copy_of(browser)
    assert is_in(thief)
    prove(browser)
    passes(timedelta(seconds=11))
    assert not is_in(thief)
    assert is_in(browser)


def test_what_was_asked_with_the_old_cookie_a_moment_ago_is_still_answered(cast):
    browser = sign_in(cast.viewer)
    other_tab = copy_of(browser)
    confirm(browser)
    passes(timedelta(seconds=3))
    assert is_in(other_tab)
    passes(timedelta(seconds=7))
    assert not is_in(other_tab)


def test_of_two_confirmations_at_once_either_ones_cookie_is_good(cast):
    browser = sign_in(cast.viewer)
    first = copy_of(browser)
    confirm(first)
    confirm(browser)
    passes(MINUTE)
    assert is_in(first)
    assert is_in(browser)


def test_each_later_confirmation_makes_a_new_cookie(cast):
    browser = sign_in(cast.viewer)
    confirm(browser)
    old = copy_of(browser)
    passes(timedelta(seconds=10))
    confirm(browser)
    passes(timedelta(seconds=10))
    assert (is_in(old), is_in(browser)) == (False, True)


# Leaving


def test_signing_out_has_the_browser_forget_our_pages(cast):
    browser = sign_in(cast.viewer)
    answer = browser.post("/logout")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert not Session.objects.alive().exists()


@pytest.mark.parametrize(("typed", "left"), [({}, 1), ({"everywhere": "on"}, 0)])
def test_one_signs_out_everywhere_else_or_here_too(cast, typed, left):
    browser = sign_in(cast.viewer)
    Caller(cast.viewer).token  # noqa: B018 (opens the session)
    theirs = Caller(cast.manager).signed_in.session
    answer = browser.post("/profile/sessions/end", typed)
    assert Session.objects.alive().filter(user=cast.viewer).count() == left
    assert ("Clear-Site-Data" in answer) is (left == 0)
    assert is_in(browser) is (left == 1)
    assert Session.objects.get(pk=theirs.pk).is_alive


@pytest.mark.parametrize(
    "path", ["/", "/profile", "/users", "/audit", "/admin/", "/api/auth/me", "/api/users", "/nowhere"]
)
def test_nothing_private_is_kept_by_browsers_or_caches(cast, path):
    found = sign_in(cast.super_admin).get(path)["Cache-Control"]
    assert {"no-store", "private"} <= {part.strip() for part in found.split(",")}


def test_roles_that_change_have_one_prove_again_who_one_is(cast):
    sign_in(cast.viewer)
    assert Session.objects.get().is_fresh
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["Viewer"])
    assert Session.objects.get().is_fresh, "nothing changed"
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["Viewer", "Manager"])
    assert not Session.objects.get().is_fresh
    assert User.objects.get(pk=cast.viewer.pk).has_perm("audit_export")
