"""What guards accounts is open on the pages for five minutes after the password was typed; then it is asked for."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.api_keys.services import create_key
from accounts.authentication.api_authentication import BearerAuthentication
from accounts.models import ApiKey, OutgoingMail, Role, RoleGrant, Session, User
from audit.models import AuditLog
from reprotech.core.principal import Principal
from reprotech.core.reauthentication import ReauthenticationRequired, require_recent_authentication
from reprotech.core.request_context import RequestOrigin, request_origin, set_principal
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import Caller, error_of, page_client
from reprotech.tests.support.mfa_devices import give_app

pytestmark = pytest.mark.django_db

ASKED = "Confirm your password"


@pytest.fixture
def browser(cast):
    """The Super Administrator's, signed in six minutes ago."""
    browser = page_client(cast.super_admin)
    forget()
    return browser


@pytest.fixture
def person(cast):
    """Someone to change."""
    return make_user("person", "viewer")


@pytest.fixture
def role(make_role):
    return make_role("Shift", "report_create")


def forget():
    Session.objects.update(confirmed_at=timezone.now() - timedelta(minutes=5, seconds=1))


def text(answer):
    return html.unescape(answer.content.decode())


def profile(person, **changed):
    named = {"username": person.username, "email": person.email, "first_name": "", "last_name": "", "roles": ["viewer"]}
    return {**named, **changed}


def state():
    """All that the actions below change."""
    users = list(User.objects.order_by("pk").values("pk", "email", "password", "first_name", "factor_kinds"))
    held = sorted(RoleGrant.objects.values_list("user_id", "role_id"))
    granted = sorted(Role.permissions.through.objects.values_list("role_id", "permission_id"))
    keys = sorted(ApiKey.objects.values_list("pk", "revoked_at"))
    exports = AuditLog.objects.filter(action="export").count()
    ended = Session.objects.filter(ended_at__isnull=False).count()
    requiring = sorted(Role.objects.values_list("pk", "requires_factor"))
    return users, held, granted, requiring, keys, exports, ended, OutgoingMail.objects.count()


#: By name: the address and what is sent there, given the person and the role.
ACTIONS = {
    "roles of a user": lambda p, _: (f"/users/{p.pk}/edit", profile(p, roles=["viewer", "manager"])),
    "address of a user": lambda p, _: (f"/users/{p.pk}/edit", profile(p, email="else@lab.example")),
    "user with a role": lambda p, _: (
        "/users/new",
        profile(p, username="made", email="made@lab.example", access="password", password=PASSWORD, kind="person"),
    ),
    "roles of many": lambda p, _: ("/users/selected/assign-role", {"user": [p.pk], "role": "manager"}),
    "roles taken": lambda p, _: ("/users/selected/remove-role", {"user": [p.pk], "role": "viewer"}),
    "import with roles": lambda *_: (
        "/users/import/confirm",
        {"text": "username,email,roles\nada,ada@x.example,Viewer\n"},
    ),
    "permissions of a role": lambda _, r: (
        f"/roles/{r.pk}/edit",
        {"name": r.name, "description": "", "permissions": ["user_read"]},
    ),
    "factor required by a role": lambda _, r: (
        f"/roles/{r.pk}/edit",
        {"name": r.name, "description": "", "permissions": ["report_create"], "requires_factor": "on"},
    ),
    "role deleted": lambda _, r: (f"/roles/{r.pk}/delete", {}),
    "own address": lambda *_: ("/profile/email", {"email": "own-new@lab.example"}),
    "own other sessions": lambda *_: ("/profile/sessions/end", {}),
    "session of another": lambda p, _: (f"/users/{p.pk}/sessions/{p.sessions.get().pk}/end", {}),
    "own key": lambda *_: ("/profile/keys/new", {"name": "LIMS", "scopes": ["user_read"], "expires_in_days": "30"}),
    "key of a service account": lambda *_: (
        f"/users/{User.objects.get(is_service=True).pk}/keys/new",
        {"name": "LIMS", "scopes": ["animal_read"], "expires_in_days": "30"},
    ),
    "key revoked": lambda p, _: (f"/users/{p.pk}/keys/{p.api_keys.get().pk}/revoke", {}),
    "password of another": lambda p, _: (
        f"/users/{p.pk}/reset-password",
        {"access": "password", "password": "Other-Horse-8"},
    ),
    "link for another": lambda p, _: (f"/users/{p.pk}/reset-password", {"access": "invite"}),
    "user deleted": lambda p, _: (f"/users/{p.pk}/delete", {}),
    "user erased": lambda p, _: (f"/users/{p.pk}/delete", {"erase": "on"}),
    "user deleted in the admin": lambda p, _: (f"/admin/accounts/user/{p.pk}/delete/", {"post": "yes"}),
    "users deleted by the admin": lambda p, _: (
        "/admin/accounts/user/",
        {"action": "delete_selected", "_selected_action": [p.pk], "post": "yes"},
    ),
    "factors of another": lambda p, _: (f"/users/{p.pk}/reset-factors", {}),
    "roles in the admin": lambda p, r: (
        f"/admin/accounts/user/{p.pk}/change/",
        profile(p, is_active="on", roles=[r.pk]),
    ),
    "link by the admin": lambda p, _: (
        "/admin/accounts/user/",
        {"action": "send_reset_link", "_selected_action": [p.pk]},
    ),
    "role deleted by the admin": lambda _, r: (
        "/admin/accounts/role/",
        {"action": "delete_selected", "_selected_action": [r.pk], "post": "yes"},
    ),
}


@pytest.fixture(params=ACTIONS)
def action(request, cast, person, role):
    give_app(person)
    for user in (person, cast.super_admin):
        Caller(user).token  # noqa: B018 (opens a session)
    make_user("lims", "viewer", password=None, is_service=True)
    create_key(actor=person, user_id=person.pk, name="Old", scopes=["animal_read"])
    return ACTIONS[request.param](person, role)


def test_who_typed_their_password_a_moment_ago_is_not_asked(cast, action):
    path, sent = action
    before = state()
    answer = page_client(cast.super_admin).post(path, sent)
    assert answer.status_code in {200, 302}, text(answer)
    assert ASKED not in text(answer)
    assert state() != before


def carried(page):
    """What a browser sends of the form that asks."""
    form = re.search(r'<main.*?(<form action="(.*?)" method="post".*?</form>)', page, re.DOTALL)
    fields = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', form[1], re.DOTALL)
    sent = {}
    for name, value in fields:
        if name == "csrfmiddlewaretoken":
            continue
        sent.setdefault(html.unescape(name), []).append(html.unescape(value))
    assert 'name="confirm-password"' in form[1]
    return html.unescape(form[2]), sent


def test_everybody_else_is_asked_and_what_was_sent_is_done_then(browser, action):
    path, sent = action
    before = state()
    asked = browser.post(path, sent)
    assert asked.status_code == 422, text(asked)
    assert ASKED in text(asked)
    assert asked["Cache-Control"] == "no-store, private"
    assert state() == before
    address, again = carried(asked.content.decode())
    assert address == path
    wrong = browser.post(address, {**again, "confirm-password": "Wrong-Horse-7"})
    assert wrong.status_code == 422
    assert "This is not your current password." in text(wrong)
    assert state() == before
    address, again = carried(wrong.content.decode())
    done = browser.post(address, {**again, "confirm-password": PASSWORD})
    assert done.status_code in {200, 302}, text(done)
    assert state() != before
    mine = Session.objects.get(user__username="the-super_admin", kind=Session.Kind.PAGE)
    assert mine.is_fresh, "and for five minutes more"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/users/{}/edit", {"first_name": "Ada"}),
        ("/users/{}/lock", {}),
        ("/users/{}/deactivate", {}),
    ],
)
def test_what_guards_no_account_is_not_asked_for(browser, person, path, sent):
    if sent:
        sent = profile(person, **sent)
    assert browser.post(path.format(person.pk), sent).status_code == 302


FILES = ["/users/export?status=active", "/users/selected/export?user=1", "/audit/export?format=jsonl"]


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_asked_for_first_and_then_comes(browser, path):
    asked = browser.get(path)
    assert asked.status_code == 302
    assert not AuditLog.objects.filter(action="export").exists()
    page = text(browser.get(asked.url))
    assert ASKED in page
    ready = browser.post("/profile/security/confirm", {"password": PASSWORD, "next": path})
    assert "Your file is on its way" in text(ready)
    [address] = re.findall(r'http-equiv="refresh" content="0; url=(.*?)"', ready.content.decode())
    assert html.unescape(address) == path
    file = browser.get(path)
    assert (file.status_code, "attachment" in file["Content-Disposition"]) == (200, True)
    assert b"".join(file.streaming_content)


def test_a_report_is_asked_for_first_and_then_shown(browser):
    asked = browser.get("/audit/report?action=login")
    assert asked.url == "/profile/security/confirm?next=%2Faudit%2Freport%3Faction%3Dlogin"
    shown = browser.post("/profile/security/confirm", {"password": PASSWORD, "next": "/audit/report?action=login"})
    assert shown.url == "/audit/report?action=login"
    assert browser.get(shown.url).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/users/export", "//evil.example", "/nowhere", "\\evil"])
def test_what_comes_after_stays_on_this_site(browser, target):
    answer = browser.post("/profile/security/confirm", {"password": PASSWORD, "next": target})
    assert answer.url in {"/profile/security", "/nowhere"}, answer.url


# The API


def api_with(browser, method, path, body=None):
    return browser.generic(method, path, body or b"", content_type="application/json")


API = [
    ("POST", "/api/auth/keys", b'{"name": "LIMS", "scopes": []}'),
    ("GET", "/api/users/export", None),
    ("GET", "/api/audit/export?format=csv", None),
    ("GET", "/api/audit/export?format=bundle", None),
    ("POST", "/api/users/{}/reset-password", b"{}"),
    ("PATCH", "/api/users/{}", b'{"roles": ["Manager"]}'),
    ("PATCH", "/api/users/{}", b'{"email": "else@lab.example"}'),
    ("DELETE", "/api/users/{}", None),
    ("DELETE", "/api/users/{}/personal-data", None),
]


@pytest.mark.parametrize(("method", "path", "body"), API)
def test_the_api_with_the_pages_cookie_says_that_the_password_is_needed(browser, person, method, path, body):
    before = state()
    with audit_rows() as rows:
        answer = api_with(browser, method, path.format(person.pk), body)
    assert (answer.status_code, error_of(answer)) == (
        403,
        {
            "error": ReauthenticationRequired.message,
            "code": "reauthentication_required",
        },
    )
    assert (state(), rows) == (before, [])


def test_no_other_header_gets_the_cookie_past_that(cast, browser, person):
    """A token sent with a cookie counts in its place; one that is no token is refused; pages take none at all."""
    viewer = Caller(make_user("poor", "viewer"))
    answer = browser.get("/api/users/export", HTTP_AUTHORIZATION=f"Bearer {viewer.token}")
    assert error_of(answer)["required"] == "user_read"
    own = Caller(cast.super_admin).token
    assert browser.get("/api/users/export", HTTP_AUTHORIZATION=f"Bearer {own}").status_code == 200
    assert browser.get("/api/users/export", HTTP_AUTHORIZATION="Bearer x.y.z").status_code == 401
    asked = browser.get("/users/export", HTTP_AUTHORIZATION=f"Bearer {viewer.token}")
    assert asked.url.startswith("/profile/security/confirm")
    sent = {**profile(person, roles=["manager"]), "confirm-password": ""}
    assert browser.post(f"/users/{person.pk}/edit", sent).status_code == 422
    assert [role.slug for role in person.roles.all()] == ["viewer"]


def test_a_token_counts_in_place_of_a_stale_cookie_sent_with_it_by_whatever_way_the_call_comes(cast, person, browser):
    """Where the short way of calls with a token doesn't hide the cookie, the authentication itself does."""
    stale = Session.objects.get(user=cast.super_admin)
    key = create_key(actor=cast.super_admin, user_id=cast.super_admin.pk, name="LIMS", scopes=["user_read"]).text
    for credential in (Caller(cast.super_admin).token, key):
        request = APIRequestFactory().get("/api/users/export", HTTP_AUTHORIZATION=f"Bearer {credential}")
        with request_origin(RequestOrigin()):
            set_principal(Principal(user_id=stale.user_id, session=stale))
            with pytest.raises(ReauthenticationRequired):
                require_recent_authentication()
            assert BearerAuthentication().authenticate(Request(request))[0] == cast.super_admin
            require_recent_authentication()
        with request_origin(RequestOrigin()):
            require_recent_authentication()


def test_tokens_and_keys_are_asked_for_nothing_but_new_keys(cast, person):
    script = Caller(cast.super_admin)
    key = create_key(actor=cast.super_admin, user_id=cast.super_admin.pk, name="LIMS", scopes=["user_read"]).text
    script.token  # noqa: B018 (opens the session)
    forget()
    assert script.patch(f"/api/users/{person.pk}", {"roles": ["Manager"]}).status_code == 200
    assert script.get("/api/users/export").status_code == 200
    assert Caller().get("/api/users/export", HTTP_AUTHORIZATION=f"Bearer {key}").status_code == 200


# The form that asks


def test_the_password_cannot_be_guessed_by_it(browser, person):
    path, sent = f"/users/{person.pk}/reset-password", {"access": "invite"}
    for _ in range(10):
        assert browser.post(path, {**sent, "confirm-password": "Wrong-Horse-7"}).status_code == 422
    refused = browser.post(path, {**sent, "confirm-password": PASSWORD})
    assert "Too many attempts" in text(refused)
    assert not OutgoingMail.objects.exists()
    assert not Session.objects.get().is_fresh


def test_it_asks_nobody_without_a_session_and_needs_our_form(cast, browser, person):
    path = f"/users/{person.pk}/reset-password"
    sent = {"access": "invite", "confirm-password": PASSWORD}
    assert Client().post(path, sent).url == f"/login?next={path}"
    sign_in = {"username": "the-viewer", "password": PASSWORD, "confirm-password": "x"}
    assert Client(raise_request_exception=False).post("/login", sign_in).url == "/"
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies.copy()
    assert strict.post(path, sent).status_code == 403
    assert not Session.objects.get(user=cast.super_admin).is_fresh


def test_it_doesnt_show_who_may_do_what(cast, person):
    """Who may not do it at all is refused as ever, whether their password is fresh or not."""
    browser = page_client(cast.viewer)
    forget()
    answer = browser.post(f"/users/{person.pk}/reset-password", {"access": "invite", "confirm-password": PASSWORD})
    assert answer.status_code == 403
    assert not Session.objects.get().is_fresh


def test_what_it_carries_comes_through_as_it_was(browser, person):
    odd = 'x"><script>alert(1)</script> & ü\n two  spaces'
    asked = browser.post(f"/users/{person.pk}/reset-password", {"access": "password", "password": odd})
    assert "<script>alert" not in asked.content.decode()
    assert carried(asked.content.decode())[1] == {"access": ["password"], "password": [odd]}


def test_the_password_itself_goes_no_further(browser, person, monkeypatch):
    from accounts.users.forms import ResetPasswordForm

    seen = []
    original = ResetPasswordForm.__init__
    monkeypatch.setattr(
        ResetPasswordForm, "__init__", lambda form, posted: seen.append(dict(posted)) or original(form, posted)
    )
    browser.post(f"/users/{person.pk}/reset-password", {"access": "invite", "confirm-password": PASSWORD})
    assert seen == [{"access": ["invite"]}]


def test_in_a_dialog_it_is_a_part_and_elsewhere_the_whole_page(browser, person):
    path = f"/users/{person.pk}/reset-password"
    part = browser.post(path, {"access": "invite"}, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="dialog")
    assert part.content.lstrip().startswith(b'<h1 id="dialog-title">Confirm your password</h1>')
    page = browser.post(path, {"access": "invite"}, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="review")
    assert b"<main" in page.content
    assert (page["HX-Retarget"], page["HX-Reselect"]) == ("#main", "#main")


@pytest.mark.parametrize("minutes", [1, 60])
def test_an_installation_chooses_how_long(browser, settings, minutes):
    settings.SUDO_MINUTES = minutes
    for more, asked in ((-20, False), (1, True)):
        age = timedelta(minutes=minutes, seconds=more)
        Session.objects.update(confirmed_at=timezone.now() - age)
        assert (browser.get("/users/export").status_code == 302) is asked
