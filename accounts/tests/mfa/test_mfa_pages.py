"""The pages of the second factor, by a browser without JavaScript."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.mfa.services import update_mfa_state
from accounts.models import Passkey, RecoveryCode, Role, Session, TotpKey, User
from reprotech.testing.cast import PASSWORD, audit_rows, make_user
from reprotech.testing.client import page_client
from reprotech.tests.support.mfa_devices import App, give_app
from reprotech.web.responses import with_next

pytestmark = pytest.mark.django_db

SECURITY = "/profile/security"


@pytest.fixture
def me(cast):
    """The Viewer's browser, signed in a moment ago."""
    return page_client(cast.viewer)


@pytest.fixture
def app(cast):
    return give_app(cast.viewer)


def give_password(client, target=""):
    return client.post("/login", {"username": "the-viewer", "password": PASSWORD, "next": target})


def text(response):
    return response.content.decode()


def age_sessions():
    Session.objects.update(confirmed_at=timezone.now() - timedelta(minutes=6))


def set_up(client):
    """Set an app up by the pages; returns it, with the recovery codes that were shown."""
    page = text(client.get(f"{SECURITY}/app"))
    app = App(re.search(r'class="key">([A-Z2-7 ]+)<', page)[1].replace(" ", ""))
    offer = re.search(r'name="offer"\s+value="([^"]+)"', page)[1]
    shown = client.post(f"{SECURITY}/app", {"offer": offer, "code": app.code()})
    assert shown.status_code == 200, text(shown)
    app.recovery_codes = re.findall(r"<code>([A-Z2-7-]{29})</code>", text(shown))
    return app


def test_an_app_is_set_up_and_then_asked_for(me, cast, client):
    app = set_up(me)
    assert len(set(app.recovery_codes)) == 10
    page = text(me.get(SECURITY))
    assert "10 of 10" in page
    assert not any(code in page for code in app.recovery_codes), "they are shown once"
    assert give_password(client, "/profile").url == "/login/verify?next=%2Fprofile"
    assert client.get("/profile").status_code == 302, "there is no session yet"
    assert not client.cookies["reprotech_session"].value.startswith("eyJzaWQ")
    answer = client.post("/login/verify", {"code": app.code(ahead=1), "next": "/profile"})
    assert (answer.status_code, answer.url) == (302, "/profile")
    assert client.get("/profile").status_code == 200


def test_the_qr_code_is_an_image_that_the_policy_allows(me):
    page = me.get(f"{SECURITY}/app")
    assert 'src="data:image/svg+xml' in text(page)
    assert "img-src 'self' data:" in page["Content-Security-Policy"]
    assert page["Cache-Control"] == "no-store, private"


def test_opening_the_page_stores_nothing(me):
    me.get(f"{SECURITY}/app")
    assert not TotpKey.objects.exists()


def test_a_wrong_first_code_keeps_the_key_that_was_scanned(me):
    page = text(me.get(f"{SECURITY}/app"))
    key = re.search(r'class="key">([A-Z2-7 ]+)<', page)[1]
    offer = re.search(r'name="offer"\s+value="([^"]+)"', page)[1]
    again = me.post(f"{SECURITY}/app", {"offer": offer, "code": "000000"})
    assert again.status_code == 422
    assert key in text(again)
    assert not TotpKey.objects.exists()


def test_a_key_that_was_offered_to_another_is_refused(me, cast):
    page = text(page_client(cast.manager).get(f"{SECURITY}/app"))
    app = App(re.search(r'class="key">([A-Z2-7 ]+)<', page)[1].replace(" ", ""))
    offer = re.search(r'name="offer"\s+value="([^"]+)"', page)[1]
    for sent in (offer, "x", "é" * 500):
        answer = me.post(f"{SECURITY}/app", {"offer": sent, "code": app.code()})
        assert answer.status_code == 422
        assert "Here is a new key" in text(answer)
    assert not TotpKey.objects.exists()


def test_a_wrong_code_says_so_and_keeps_out(app, client):
    give_password(client)
    answer = client.post("/login/verify", {"code": "000000"})
    assert answer.status_code == 422
    assert "This code is wrong or was used before." in text(answer)
    assert client.get("/profile").status_code == 302


def test_too_many_codes_are_refused_with_when_to_come_back(app, client):
    give_password(client)
    for _ in range(10):
        client.post("/login/verify", {"code": "000000"})
    answer = client.post("/login/verify", {"code": app.code()})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_a_recovery_code_opens_and_a_mail_tells(app, client, django_capture_on_commit_callbacks):
    give_password(client)
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/login/verify", {"code": app.recovery_codes[3]}).status_code == 302
    assert client.get("/profile").status_code == 200
    assert "9 of 10" in text(client.get(SECURITY))
    assert "recovery code" in mail.outbox[-1].subject


def test_the_second_step_needs_the_first(app, client):
    for answer in (client.get("/login/verify"), client.post("/login/verify", {"code": app.code()})):
        assert answer.url == "/login"
    assert not Session.objects.exists()


def test_a_cookie_of_the_first_step_is_good_once(app, client):
    give_password(client)
    thief = Client()
    thief.cookies = client.cookies.copy()
    assert client.post("/login/verify", {"code": app.code()}).status_code == 302
    answer = thief.post("/login/verify", {"code": app.code(ahead=1)})
    assert answer.url == "/login"
    assert thief.get("/profile").status_code == 302


def test_to_stay_signed_in_is_remembered_over_the_second_step(app, client):
    client.post("/login", {"username": "the-viewer", "password": PASSWORD, "remember": "on"})
    client.post("/login/verify", {"code": app.code()})
    assert Session.objects.get().ends_at > timezone.now() + timedelta(days=29)


def test_the_page_to_go_on_to_stays_on_this_site(app, client):
    give_password(client, "https://evil.example/")
    assert client.post("/login/verify", {"code": app.code()}).url == "/"


CHANGES = ["app", "app/remove", "recovery-codes", "passkeys/new"]


@pytest.mark.parametrize("page", CHANGES)
def test_after_five_minutes_the_password_is_asked_for_first(me, app, page):
    age_sessions()
    for answer in (me.get(f"{SECURITY}/{page}"), me.post(f"{SECURITY}/{page}")):
        assert answer.url.startswith(f"{SECURITY}/confirm?next=")
    wrong = me.post(f"{SECURITY}/confirm", {"password": "Wrong-Horse-7", "next": f"{SECURITY}/{page}"})
    assert wrong.status_code == 422
    right = me.post(f"{SECURITY}/confirm", {"password": PASSWORD, "next": f"{SECURITY}/{page}"})
    assert right.url == f"{SECURITY}/{page}"
    assert me.get(f"{SECURITY}/{page}").status_code == 200


def test_an_app_is_removed(me, app, cast):
    assert "Remove the authenticator app?" in text(me.get(f"{SECURITY}/app/remove"))
    assert me.post(f"{SECURITY}/app/remove").url == SECURITY
    assert not TotpKey.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_nobody_removes_someone_elses_passkey(me, cast):
    theirs = Passkey.objects.create(user=cast.manager, name="Key", credential_id="abc", credential=b"x")
    for answer in (
        me.get(f"{SECURITY}/passkeys/{theirs.pk}/remove"),
        me.post(f"{SECURITY}/passkeys/{theirs.pk}/remove"),
    ):
        assert answer.status_code == 404
    assert Passkey.objects.count() == 1


@pytest.mark.parametrize(
    "answer", ["", "x", "[]", "{}", '{"id": "abc"}', "[" * 5000, '{"id":1,"rawId":2,"response":3}']
)
def test_a_made_up_passkey_is_refused(me, client, settings, answer):
    settings.PUBLIC_URL = "https://lab.example"
    options = me.post(f"{SECURITY}/passkeys/options").json()["publicKey"]
    assert options["rp"]["id"] == "lab.example"
    assert options["attestation"] == "none"
    refused = me.post(f"{SECURITY}/passkeys/new", {"name": "Key", "answer": answer})
    assert refused.status_code == 422
    assert not Passkey.objects.exists()
    client.post("/login/passkey/options")
    assert client.post("/login/passkey", {"answer": answer}).url == "/login"


def test_the_relying_party_is_the_public_address_whatever_host_is_asked(client, settings):
    settings.PUBLIC_URL = "https://lab.example:8443/"
    options = client.post("/login/passkey/options", HTTP_HOST="localhost").json()["publicKey"]
    assert options["rpId"] == "lab.example"
    assert options["userVerification"] == "required"
    assert "allowCredentials" not in options


@pytest.mark.parametrize(
    ("url", "offered"), [("https://lab.example", True), ("http://127.0.0.1:5001", True), ("http://10.0.0.7", False)]
)
def test_passkeys_are_offered_where_browsers_allow_them(client, settings, url, offered):
    settings.PUBLIC_URL = url
    assert ("Sign in with a passkey" in text(client.get("/login"))) is offered


def test_on_ones_own_computer_passkeys_are_at_localhost(me, client, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:5001"
    assert "Add a passkey" not in text(me.get(SECURITY, HTTP_HOST="127.0.0.1:5001"))
    assert "to use passkeys on this computer" in text(me.get(SECURITY, HTTP_HOST="127.0.0.1:5001"))
    assert "http://localhost:5001/profile/security" in text(me.get(SECURITY, HTTP_HOST="127.0.0.1:5001"))
    assert "Add a passkey" in text(me.get(SECURITY, HTTP_HOST="localhost:5001"))
    assert client.post("/login/passkey/options").json()["publicKey"]["rpId"] == "localhost"


def test_the_second_step_is_led_by_what_the_person_has(cast, app, client, settings):
    settings.PUBLIC_URL = "https://lab.example"
    give_password(client)
    page = text(client.get("/login/verify"))
    assert 'inputmode="numeric"' in page
    assert "data-leads" not in page
    Passkey.objects.create(user=cast.viewer, name="Key", credential_id="x", credential=b"x")
    both = text(client.get("/login/verify"))
    assert "data-leads" in both
    assert 'inputmode="numeric"' in both
    TotpKey.objects.all().delete()
    update_mfa_state(cast.viewer)
    give_password(client)
    page = text(client.get("/login/verify"))
    assert re.search(r"data-leads\s+data-starts", page)
    assert 'inputmode="numeric"' not in page
    assert "autofocus" not in page
    assert re.search(r"<details[^>]*>\s*<summary>Use a recovery code", page)
    wrong = text(client.post("/login/verify", {"is_recovery": "True", "code": "AAAA"}))
    assert "data-starts" not in wrong, "it would begin again and again"
    assert re.search(r"<details[^>]*open>", wrong)


def test_an_administrator_resets_from_the_users_page(cast, app, django_capture_on_commit_callbacks):
    admin = page_client(cast.admin)
    page = text(admin.get(f"/users/{cast.viewer.pk}"))
    assert "Turn off two-factor authentication" in page
    assert "Authenticator app" in page
    with audit_rows() as rows, django_capture_on_commit_callbacks(execute=True):
        admin.post(f"/users/{cast.viewer.pk}/reset-factors")
    assert rows[0].action == "factor_reset"
    assert mail.outbox[-1].to == [cast.viewer.email]
    assert "Turn off two-factor authentication" not in text(admin.get(f"/users/{cast.viewer.pk}"))


def test_the_admin_site_resets_too(cast, app, django_admin):
    django_admin.client.post(
        "/admin/accounts/user/", {"action": "reset_factors", "_selected_action": [cast.viewer.pk, cast.manager.pk]}
    )
    assert not TotpKey.objects.exists()


def test_a_required_factor_is_asked_for_after_three_sign_ins(cast):
    Role.objects.filter(slug="super_admin").update(requires_factor=True)
    for rest in ("2 more times", "once more", "At the next sign-in"):
        browser = page_client(cast.super_admin)
        # On each page and each time, not once as a message.
        for path in ("/profile", "/users", "/users", SECURITY):
            page = text(browser.get(path))
            assert rest in page, path
            assert "Set up now" in page
    browser = page_client(cast.super_admin)
    for path in ("/", "/users", "/profile", "/admin/", "/admin/accounts/user/"):
        assert browser.get(path).url == with_next(SECURITY, path), path
    page = text(browser.get(SECURITY))
    assert "Set up an authenticator app or a passkey to continue." in page
    # Nothing is offered that would only lead back here.
    for address in ("/", "/users", "/roles", "/audit", "/profile", "/search", "/admin/", "/api/docs"):
        assert f'href="{address}"' not in page, address
    assert "Sign out" in page
    set_up(browser)
    assert "Set up now" not in text(browser.get("/users"))
    assert 'href="/users"' in text(browser.get("/profile"))
    assert browser.get("/users").status_code == 200
    assert browser.get("/admin/").status_code == 200


def test_a_forced_change_of_password_comes_before_the_second_factor(cast):
    User.objects.filter(pk=cast.viewer.pk).update(must_change_password=True, must_add_factor=True)
    browser = page_client(User.objects.get(pk=cast.viewer.pk))
    User.objects.filter(pk=cast.viewer.pk).update(must_add_factor=True)
    assert browser.get(SECURITY).url == with_next("/password", SECURITY)
    assert browser.get("/password").status_code == 200


def test_a_role_is_made_to_require_a_second_factor(cast):
    browser = page_client(cast.super_admin)
    role = Role.objects.get(slug="viewer")
    form = {"description": role.description, "permissions": role.permission_names}
    form |= {"requires_factor": "on", "is_requestable": "on"}
    review = browser.post(f"/roles/{role.pk}/edit/review", form)
    assert "Everyone who has the role must use two-factor authentication." in text(review)
    with audit_rows() as rows:
        assert browser.post(f"/roles/{role.pk}/edit", form).status_code == 302
    assert rows[0].details["changes"] == {"requires_factor": [False, True]}
    assert "Two-factor authentication required" in text(browser.get(f"/roles/{role.pk}"))


def test_the_role_says_whom_its_requirement_concerns(cast, settings):
    for name in ("one", "two", "three"):
        make_user(name, "viewer")
    make_user("script", "viewer", is_service=True, password=None)
    User.objects.filter(username="one").update(factor_kinds="totp")
    role, browser = Role.objects.get(slug="viewer"), page_client(cast.super_admin)
    page = text(browser.get(f"/roles/{role.pk}/edit"))
    assert "5 users have this role," in page
    assert "3 have no second factor yet" in page
    assert "each gets 3 sign-ins to set it up." in page
    assert f"/users?role={role.slug}&amp;factor=no" in page
    assert "no second factor yet" not in text(browser.get(f"/roles/{role.pk}"))
    Role.objects.filter(pk=role.pk).update(requires_factor=True)
    assert "3 have no second factor yet" in text(browser.get(f"/roles/{role.pk}"))
    User.objects.in_role(role.pk).people().update(factor_kinds="passkey")
    assert "everyone who needs a second factor has one" in text(browser.get(f"/roles/{role.pk}"))
    settings.MFA_GRACE_SIGN_INS = 0
    User.objects.filter(username="one").update(factor_kinds="")
    assert "must set it up at the next sign-in" in text(browser.get(f"/roles/{role.pk}"))


def test_the_kinds_follow_what_there_is(cast):
    Passkey.objects.create(user=cast.viewer, name="Key", credential_id="abc", credential=b"x")
    update_mfa_state(cast.viewer)
    assert cast.viewer.second_factors == ["passkey"]
