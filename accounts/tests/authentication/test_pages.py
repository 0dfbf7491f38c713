"""The first pages: signing in and out, home, passwords, errors, and the headers of all of them."""

import re

import pytest
from django.test import Client

from accounts.access.authorization import SYSTEM
from accounts.models import Session
from accounts.passwords.services import reset_password
from accounts.users.services import lock_user
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import REQUEST_ID, error_of, page_client

NEW_PASSWORD = "Other-Horse-8"


@pytest.fixture
def browser():
    """A browser without JavaScript, for which CSRF is enforced as in production."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def csrf_token(page):
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]


def submit(browser, path, **fields):
    """Fetch a page and send its form back, as a person would."""
    return browser.post(path, {"csrfmiddlewaretoken": csrf_token(browser.get(path)), **fields})


def sign_in(browser, username="the-viewer", password=PASSWORD, path="/login", **fields):
    return submit(browser, path, username=username, password=password, **fields)


def goes_to(response):
    assert response.status_code == 302, response.content
    return response["Location"]


def text_of(page):
    return page.content.decode()


@pytest.mark.parametrize("name", ["the-viewer", "THE-VIEWER", "the-viewer@lab.example"])
def test_signing_in_opens_the_home_page(cast, browser, name):
    assert goes_to(sign_in(browser, name)) == "/"
    page = text_of(browser.get("/"))
    assert "Hello the-viewer" in page
    assert '<span class="mark">Viewer</span>' in page
    assert "<code>animal_read</code>" in page
    assert "<code>user_read</code>" not in page
    assert Session.objects.get().kind == "page"
    assert AuditLog.objects.get(action="login").details == {"kind": "page", "roles": ["Viewer"], "method": "password"}


@pytest.mark.parametrize(("name", "password"), [("the-viewer", "Wrong-Horse-7"), ("nobody-here", PASSWORD)])
def test_a_wrong_name_or_password_is_answered_alike_and_keeps_the_name_only(cast, browser, name, password):
    response = sign_in(browser, name, password)
    assert response.status_code == 422
    page = text_of(response)
    assert "Incorrect username or password." in page
    assert f'value="{name}"' in page
    assert password not in page
    assert goes_to(browser.get("/")) == "/login?next=/"


def test_a_locked_account_is_answered_like_a_wrong_password(cast, browser):
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    assert "Incorrect username or password." in text_of(sign_in(browser))


def test_blank_fields_are_named(db, browser):
    response = sign_in(browser, "", "")
    assert response.status_code == 422
    for sentence in ("Enter the username or e-mail.", "Enter the password."):
        # In the summary above the form, and at the field.
        assert text_of(response).count(sentence) == 2


def test_a_lockout_says_how_long_to_wait(cast, browser):
    for _ in range(10):
        assert sign_in(browser, password="Wrong-Horse-7").status_code == 422
    response = sign_in(browser)
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    assert "Too many attempts. Try again in 15 minutes." in text_of(response)


def test_who_was_sent_to_sign_in_goes_back_to_where_they_wanted_to_go(cast, browser):
    path = goes_to(browser.get("/password?x=1"))
    assert path == "/login?next=/password%3Fx%3D1"
    target = re.search(r'name="next" value="([^"]*)"', text_of(browser.get(path)))[1]
    assert goes_to(sign_in(browser, path=path, next=target)) == "/password?x=1"


def test_who_is_signed_in_needs_no_sign_in_page(cast):
    assert goes_to(page_client(cast.viewer).get("/login?next=/password")) == "/password"


def test_signing_in_gives_a_new_cookie_and_a_new_csrf_token(cast, browser):
    browser.get("/login")
    before = browser.cookies["reprotech_csrf"].value
    sign_in(browser)
    assert browser.cookies["reprotech_csrf"].value != before
    cookie = browser.cookies["reprotech_session"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["secure"] == ""


def test_an_edited_cookie_is_no_session(cast):
    browser = page_client(cast.viewer)
    cookie = browser.cookies["reprotech_session"]
    browser.cookies["reprotech_session"] = cookie.value[:-1] + ("a" if cookie.value[-1] != "a" else "b")
    assert goes_to(browser.get("/")) == "/login?next=/"


def test_signing_out_is_asked_for_and_done_by_post(cast, browser):
    sign_in(browser)
    copy = browser.cookies["reprotech_session"].value
    asked = browser.get("/logout")
    assert "Sign out?" in text_of(asked)
    assert browser.get("/").status_code == 200
    assert goes_to(submit(browser, "/logout")) == "/login"
    assert "You are signed out." in text_of(browser.get("/login"))
    assert goes_to(browser.get("/")) == "/login?next=/"
    thief = Client()
    thief.cookies["reprotech_session"] = copy
    assert goes_to(thief.get("/")) == "/login?next=/"
    assert AuditLog.objects.get(action="logout").username == "the-viewer"


@pytest.mark.django_db(transaction=True)
def test_locking_a_user_ends_their_page_session_at_once(cast):
    browser = page_client(cast.viewer)
    assert browser.get("/").status_code == 200
    lock_user(actor=SYSTEM, user_id=cast.viewer.pk)
    assert goes_to(browser.get("/")) == "/login?next=/"


def test_a_password_is_changed(cast, browser):
    sign_in(browser)
    fields = {"current_password": PASSWORD, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
    assert goes_to(submit(browser, "/password", **fields)) == "/"
    assert "Password changed." in text_of(browser.get("/"))
    fresh = Client()
    assert fresh.post("/login", {"username": "the-viewer", "password": PASSWORD}).status_code == 422
    assert goes_to(fresh.post("/login", {"username": "the-viewer", "password": NEW_PASSWORD})) == "/"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"current_password": "Wrong-Horse-7"}, "This is not your current password."),
        ({"repeated": "Third-Horse-9"}, "The two passwords differ."),
        ({"new_password": "short", "repeated": "short"}, "Use at least 8 characters."),
        ({"new_password": PASSWORD, "repeated": PASSWORD}, "Don&#x27;t use one of your last 5 passwords."),
        ({"new_password": ""}, "Enter the new password."),
    ],
)
def test_a_change_that_breaks_a_rule_says_which(cast, fields, sentence):
    browser = page_client(cast.viewer)
    given = {"current_password": PASSWORD, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD, **fields}
    response = browser.post("/password", given)
    assert response.status_code == 422
    assert sentence in text_of(response)
    cast.viewer.refresh_from_db()
    assert cast.viewer.check_password(PASSWORD)


def test_a_password_that_someone_else_set_must_be_changed_first(cast, browser):
    reset_password(actor=SYSTEM, user_id=cast.super_admin.pk, password=NEW_PASSWORD)
    sign_in(browser, "the-super_admin", NEW_PASSWORD)
    for path in ("/", "/admin/", "/admin/accounts/user/"):
        assert goes_to(browser.get(path)).partition("?")[0] == "/password"
    assert "Your password was set by someone else." in text_of(browser.get("/password"))
    fields = {"current_password": NEW_PASSWORD, "new_password": "Third-Horse-9", "repeated": "Third-Horse-9"}
    assert goes_to(submit(browser, "/password", **fields)) == "/"
    assert browser.get("/admin/").status_code == 200


def test_a_link_leaves_the_address_bar_before_the_form_is_shown(db, browser):
    link = "/set-password/MQ/c0ffee-secret"
    assert goes_to(browser.get(link)) == "/set-password"
    assert "secret" not in text_of(browser.get("/set-password"))


@pytest.mark.parametrize(("path", "status"), [("/nothing-here", 404), ("/admin/", 403)])
def test_an_error_is_a_page(cast, path, status):
    response = page_client(cast.viewer).get(path)
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert f'<p class="status-code">Error {status}</p>' in text_of(response)
    assert response["X-Request-ID"] == REQUEST_ID


@pytest.mark.parametrize("path", ["/login", "/logout", "/password", "/set-password"])
def test_a_form_without_its_csrf_token_is_refused(cast, browser, path):
    sign_in(browser)
    response = browser.post(path, {"username": "the-viewer", "password": PASSWORD})
    assert response.status_code == 403
    assert "This form has expired" in text_of(response)
    assert browser.get("/").status_code == 200


def test_the_api_reads_with_the_cookie_alone(cast, browser):
    sign_in(browser, "the-admin")
    assert browser.get(f"/api/users/{cast.viewer.pk}").status_code == 200


@pytest.mark.parametrize(
    ("content_type", "refusal"),
    [("application/json", (403, "csrf_failed")), ("text/plain", (415, "unsupported_media_type"))],
)
def test_the_api_changes_nothing_with_the_cookie_alone(cast, browser, content_type, refusal):
    sign_in(browser, "the-admin")
    path = f"/api/users/{cast.viewer.pk}/lock"
    response = browser.post(path, "{}", content_type)
    assert (response.status_code, error_of(response)["code"]) == refusal
    cast.viewer.refresh_from_db()
    assert not cast.viewer.is_locked
    for token, status in (("x" * 64, 403), (browser.cookies["reprotech_csrf"].value, 200)):
        answer = browser.post(path, "{}", "application/json", headers={"X-CSRFToken": token})
        assert answer.status_code == status


def test_a_token_needs_no_csrf_token(cast, admin):
    assert admin.post(f"/api/users/{cast.viewer.pk}/lock").status_code == 200


def test_a_token_of_the_api_opens_no_page(viewer):
    assert goes_to(viewer.get("/")) == "/login?next=/"


def test_a_page_session_is_good_for_no_token(cast, viewer):
    Session.objects.filter(pk=viewer.signed_in.session.pk).update(kind="page")
    assert viewer.get("/api/auth/me").status_code == 401


EVERY_PAGE = ["/", "/login", "/logout", "/password", "/set-password", "/nothing-here", "/admin/", "/api/docs"]


@pytest.mark.parametrize("path", [*EVERY_PAGE, "/admin/accounts/user/add/", "/api/users", "/api/nothing-here"])
def test_every_answer_forbids_foreign_code_framing_and_sniffing(cast, path):
    response = page_client(cast.super_admin).get(path)
    policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_no_page_has_code_or_style_within_it(cast, path):
    for browser in (page_client(cast.super_admin), Client()):
        page = text_of(browser.get(path))
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)


@pytest.mark.parametrize(
    "path", ["/", "/logout", "/password", "/login", "/admin/", "/admin/accounts/user/", "/api/users"]
)
def test_nothing_that_tells_of_a_user_is_kept_by_a_cache(cast, path):
    for browser in (page_client(cast.super_admin), Client()):
        assert "no-store" in browser.get(path)["Cache-Control"]


def test_htmx_learns_that_the_session_has_ended_and_the_page_stays(db, browser):
    assert browser.get("/", headers={"HX-Request": "true"}).status_code == 401
    history = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert goes_to(browser.get("/", headers=history)) == "/login?next=/"
