"""A sign-in on the way to a program leads there, whatever comes between: by a browser without JavaScript."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.passwords.reset import process_next_request
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import page_client
from reprotech.tests.support.mfa_devices import App, give_app
from reprotech.tests.support.plain_browser import PlainBrowser
from reprotech.web.responses import MAX_TARGET_LENGTH

pytestmark = pytest.mark.django_db

NEW = "Other-Horse-8"
#: With what a program may put into `state`.
PROGRAM = "/oauth/authorize?client_id=app_x&redirect_uri=https%3A%2F%2Fgrafana.lab.example%2Flogin&state=a%2Bb%26c%3Dd"


def login_for(target=PROGRAM):
    return f"/login?next={quote(target, safe='')}"


@pytest.fixture
def visit():
    browser = PlainBrowser()
    browser.open(login_for())
    return browser


def sign_in(visit, password=PASSWORD, username="the-viewer"):
    return visit.submit("/login", username=username, password=password)


def change_password(visit):
    return visit.submit("/password", current_password=PASSWORD, new_password=NEW, repeated=NEW)


def set_factor_up(visit):
    visit.follow("/profile/security/app")
    key = re.search(r'class="key">([A-Z2-7 ]+)<', visit.text)[1].replace(" ", "")
    visit.submit("/profile/security/app", code=App(key).code())
    assert "Your recovery codes" in visit.text
    return visit.submit("/profile/security")


def test_a_password_leads_on(cast, visit):
    sign_in(visit)
    assert visit.address == PROGRAM


def test_a_wrong_password_first_changes_nothing(cast, visit):
    sign_in(visit, "Wrong-Horse-7")
    assert visit.response.status_code == 422
    sign_in(visit)
    assert visit.address == PROGRAM


def test_the_page_that_goes_on_says_where_to_and_has_a_link(cast):
    answer = Client().post("/login", {"username": "the-viewer", "password": PASSWORD, "next": PROGRAM})
    assert (answer.status_code, answer["Refresh"]) == (200, f"0; url={PROGRAM}")
    page = answer.content.decode()
    assert "Going on to the program" in page
    assert f'href="{PROGRAM.replace("&", "&amp;")}"' in page
    assert answer["Cache-Control"] == "no-store, private"


def test_a_second_factor_leads_on(cast, visit):
    app = give_app(cast.viewer)
    sign_in(visit)
    assert visit.address.startswith("/login/verify?next=")
    visit.submit("/login/verify", code=app.wrong_code())
    visit.submit("/login/verify", code=app.code())
    assert visit.address == PROGRAM


def test_a_recovery_code_leads_on(cast, visit):
    app = give_app(cast.viewer)
    sign_in(visit)
    # The second form of the page.
    answer = visit.client.post("/login/verify", {"code": app.recovery_codes[0], "is_recovery": "True", "next": PROGRAM})
    assert answer["Refresh"] == f"0; url={PROGRAM}"
    assert visit.text.count('name="next"') == 2


def test_a_second_step_that_took_too_long_keeps_the_way(cast, visit):
    app = give_app(cast.viewer)
    sign_in(visit)
    User.objects.get(pk=cast.viewer.pk).set_password(NEW)
    session = visit.client.session
    session["second_step"] = {"token": "x", "remember": False}
    session.save()
    visit.client.cookies["reprotech_session"] = session.session_key
    visit.submit("/login/verify", code=app.code())
    assert visit.address == login_for()
    assert "That took too long" in visit.text


def test_a_forced_change_of_the_password_leads_on(cast, visit):
    User.objects.filter(pk=cast.viewer.pk).update(must_change_password=True)
    visit.open(f"/password?next={quote(PROGRAM, safe='')}")
    sign_in(visit)
    change_password(visit)
    assert visit.address == PROGRAM


def test_a_page_that_a_required_action_comes_before_is_opened_after_it(cast):
    User.objects.filter(pk=cast.admin.pk).update(must_change_password=True)
    visit = PlainBrowser()
    visit.open("/users?status=active&page=1")
    sign_in(visit, username="the-admin")
    assert visit.address == f"/password?next={quote('/users?status=active&page=1', safe='')}"
    change_password(visit)
    assert (visit.address, visit.response.status_code) == ("/users?status=active&page=1", 200)


def test_a_change_is_not_repeated_after_a_required_action(cast):
    browser = page_client(cast.admin)
    User.objects.filter(pk=cast.admin.pk).update(must_change_password=True)
    assert browser.post("/users/new", {})["Location"] == "/password"


def test_the_set_up_of_a_required_factor_leads_on(cast, visit):
    User.objects.filter(pk=cast.viewer.pk).update(must_add_factor=True)
    visit.client = page_client(User.objects.get(pk=cast.viewer.pk))
    User.objects.filter(pk=cast.viewer.pk).update(must_add_factor=True)
    visit.open(f"/profile/security?next={quote(PROGRAM, safe='')}")
    set_factor_up(visit)
    assert visit.address == PROGRAM


def test_everything_that_can_come_between_in_one_go(cast):
    """Password, forced change, then the set-up of a factor, for which the password is asked once more."""
    visit = PlainBrowser()
    visit.open(f"/profile/security?next={quote(PROGRAM, safe='')}")
    User.objects.filter(pk=cast.viewer.pk).update(must_change_password=True)
    sign_in(visit)
    change_password(visit)
    # As after the last sign-in without one. The second look at the page would be made by the program's door.
    User.objects.filter(pk=cast.viewer.pk).update(must_add_factor=True)
    visit.open(f"/profile/security?next={quote(PROGRAM, safe='')}")
    Session.objects.update(confirmed_at=timezone.now() - timedelta(hours=1))
    visit.follow("/profile/security/app")
    assert "Confirm your password" in visit.text
    visit.submit("/profile/security/confirm", password=NEW)
    key = re.search(r'class="key">([A-Z2-7 ]+)<', visit.text)[1].replace(" ", "")
    visit.submit("/profile/security/app", code=App(key).code())
    visit.submit("/profile/security")
    assert visit.address == PROGRAM


def test_a_confirmed_password_leads_on_and_renews_the_session(cast):
    visit = PlainBrowser()
    visit.client = page_client(cast.viewer)
    Session.objects.update(confirmed_at=timezone.now() - timedelta(hours=1))
    visit.open(f"/profile/security/confirm?next={quote(PROGRAM, safe='')}")
    assert "You are signed in as the-viewer." in visit.text
    visit.submit("/profile/security/confirm", password=PASSWORD)
    assert visit.address == PROGRAM
    assert Session.objects.get().is_fresh


def test_a_new_password_by_mail_leads_on_in_the_same_browser(cast, visit, django_capture_on_commit_callbacks):
    visit.follow("/forgot-password")
    with django_capture_on_commit_callbacks(execute=True):
        visit.submit("/forgot-password", username="the-viewer")
        process_next_request()
    link = re.search(r"http://[^/]+(/set-password/\S+)", mail.outbox[-1].body)[1]
    visit.open(link)
    visit.submit("/set-password", new_password=NEW, repeated=NEW)
    assert visit.address == login_for()
    sign_in(visit, NEW)
    assert visit.address == PROGRAM


def test_who_is_signed_in_goes_on_at_once(cast, visit):
    visit.client = page_client(cast.viewer)
    visit.open(login_for())
    assert visit.address == PROGRAM


def test_what_someone_else_types_is_not_used_in_the_first_ones_name(cast, visit):
    visit.client = page_client(cast.viewer)
    answer = visit.client.post("/login", {"username": "the-manager", "password": PASSWORD, "next": PROGRAM})
    assert answer.status_code == 409
    visit.response = answer
    assert "You are signed in as the-viewer" in visit.text
    visit.submit("/logout")
    assert visit.address == login_for()
    sign_in(visit, username="the-manager")
    assert visit.address == PROGRAM
    assert Session.objects.get(ended_at=None).user == cast.manager


@pytest.mark.parametrize("name", ["the-viewer", "THE-VIEWER", "the-viewer@lab.example"])
def test_who_signs_in_twice_in_two_tabs_goes_on(cast, name):
    client = page_client(cast.viewer)
    answer = client.post("/login", {"username": name, "password": PASSWORD, "next": PROGRAM})
    assert answer["Refresh"] == f"0; url={PROGRAM}"


def test_the_name_that_the_program_expects_is_filled_in(cast, client):
    page = client.get("/login", {"next": f"{PROGRAM}&login_hint=the-viewer%40lab.example"}).content.decode()
    assert 'value="the-viewer@lab.example"' in page
    focused = re.search(r"<input[^>]*autofocus[^>]*>", page)[0]
    assert 'name="password"' in focused


@pytest.mark.parametrize("hint", ["x" * 255, "a%0Ab", "%00", "", "%FF%FE"])
def test_a_hint_that_is_no_name_is_left_out(cast, client, hint):
    answer = client.get("/login", {"next": f"{PROGRAM}&login_hint={hint}"})
    assert answer.status_code == 200


def test_a_hint_counts_on_the_way_to_a_program_alone(cast, client):
    page = client.get("/login", {"next": "/profile?login_hint=the-viewer"}).content.decode()
    assert 'value="the-viewer"' not in page


@pytest.mark.parametrize(
    "target", ["/oauth/authorize?state=a\r\nSet-Cookie: x=y", "/oauth/\nx", "/oauth/x?a=\x00", "/oauth/é?ü=ß"]
)
def test_no_header_can_be_injected(cast, client, target):
    answer = client.post("/login", {"username": "the-viewer", "password": PASSWORD, "next": target})
    assert answer.status_code in {200, 302}
    led = answer.headers.get("Refresh", answer.headers.get("Location"))
    assert led.isascii()
    assert led.isprintable()
    assert "x" not in answer.cookies


@pytest.mark.parametrize("length", [2_500, MAX_TARGET_LENGTH])
def test_a_long_state_arrives_whole_through_every_step(cast, length):
    app = give_app(cast.viewer)
    target = f"/oauth/authorize?state={'%7B' * (length // 3)}"[:length].rstrip("%7")
    visit = PlainBrowser()
    visit.open(login_for(target))
    sign_in(visit)
    visit.submit("/login/verify", code=app.code())
    assert visit.address == target


def test_what_is_too_long_to_be_carried_is_left_out(cast, client):
    target = f"/oauth/authorize?state={'x' * MAX_TARGET_LENGTH}"
    answer = client.post("/login", {"username": "the-viewer", "password": PASSWORD, "next": target})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_htmx_is_sent_on_as_a_whole_page(cast):
    browser = page_client(cast.viewer)
    typed = {"current_password": PASSWORD, "new_password": NEW, "repeated": NEW, "next": PROGRAM}
    answer = browser.post("/password", typed, HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer["HX-Redirect"]) == (200, PROGRAM)
