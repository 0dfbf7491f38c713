"""Guessing passwords: what strangers can't do to who signed in before, and how long they must wait."""

import re

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test import Client
from django.utils.http import urlsafe_base64_encode

from accounts.models import User
from accounts.notifications.messages import reset_tokens
from accounts.passwords import services as password_services
from accounts.throttling import login_throttle, rate_limits
from accounts.users import services as user_services
from reprotech.core.exceptions import TooManyAttempts
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller, page_client
from reprotech.tests.support.mfa_devices import give_app

HOME, AWAY = "192.0.2.10", "203.0.113.9"
NEW = "Other-Horse-8"
COOKIE = configured.DEVICE_COOKIE_NAME
MINUTES = 60


def login(name="the-viewer", password=PASSWORD, address=AWAY, **body):
    return Caller(address=address).post("/api/auth/login", {"username": name, "password": password, **body})


def fail_logins(times, name="the-viewer", address=AWAY):
    """The statuses of so many wrong passwords."""
    return [login(name, f"Wrong-Horse-{n}", address).status_code for n in range(times)]


def page_login(browser, password=PASSWORD, name="the-viewer"):
    return browser.post("/login", {"username": name, "password": password}).status_code


def guess_on_page(browser, times):
    return [page_login(browser, f"Wrong-Horse-{n}") for n in range(times)]


@pytest.fixture
def browser(cast):
    """A browser in which the Viewer has signed in and out again, now at an address that nobody knows."""
    browser = Client(REMOTE_ADDR="198.51.100.1", raise_request_exception=False)
    assert page_login(browser) == 302
    browser.post("/logout")
    browser.defaults["REMOTE_ADDR"] = "198.51.100.2"
    return browser


@pytest.fixture
def home(cast):
    """An address from which a script of the Viewer's has signed in."""
    assert login(address=HOME).status_code == 200
    return HOME


def let_the_wait_pass(counter):
    """As when the present window is over."""
    rate_limits.clear("login_name", counter)


def stored(user):
    return User.objects.get(pk=user.pk)


# Who is known


def test_strangers_keep_nobody_out_of_a_browser_in_which_they_signed_in_before(browser):
    assert fail_logins(12) == [401] * 10 + [429] * 2
    assert page_login(Client(REMOTE_ADDR="198.51.100.3")) == 429
    assert page_login(browser) == 302


def test_strangers_keep_no_script_out_that_signed_in_from_its_address_before(home):
    fail_logins(11)
    assert login(address="198.51.100.3").status_code == 429
    assert login(address=home).status_code == 200


def test_a_known_browser_has_ten_attempts_of_its_own(browser):
    fail_logins(11)
    assert guess_on_page(browser, 10) == [422] * 10
    refused = browser.post("/login", {"username": "the-viewer", "password": PASSWORD})
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 15 * MINUTES


def test_a_known_address_has_ten_attempts_of_its_own(home):
    assert fail_logins(11, address=home) == [401] * 10 + [429]
    assert login(address=home).status_code == 429


def test_two_known_browsers_count_apart(cast, browser):
    other = Client(REMOTE_ADDR="198.51.100.3")
    rate_limits.reset()
    assert page_login(other) == 302
    other.post("/logout")
    guess_on_page(browser, 11)
    assert [page_login(browser), page_login(other)] == [429, 302]


def test_a_cookie_is_of_use_to_its_own_user_alone(cast, browser):
    fail_logins(11, "the-manager")
    assert page_login(browser, name="the-manager") == 429


def test_a_cookie_without_the_password_opens_nothing(browser):
    assert guess_on_page(browser, 1) == [422]
    assert browser.get("/").status_code == 302


def test_strangers_behind_the_same_address_keep_nobody_out_of_a_known_browser(browser):
    address = browser.defaults["REMOTE_ADDR"]
    for n in range(50):
        login(f"nobody-{n}", address=address)
    assert login("the-manager", address=address).status_code == 429
    assert page_login(browser) == 302


def test_an_address_that_is_used_up_is_closed_to_scripts_that_it_knows(home):
    for n in range(50):
        login(f"nobody-{n}", address=home)
    assert login(address=home).status_code == 429


def test_failed_attempts_of_who_is_known_count_for_the_name_too(home):
    assert fail_logins(10, address=home) == [401] * 10
    assert login(address=AWAY).status_code == 429


def test_who_knows_the_password_keeps_nobody_out_of_the_second_step_in_a_known_browser(cast, browser):
    app = give_app(cast.viewer)
    wrong = [login(otp=app.wrong_code()).json()["code"] for _ in range(11)]
    assert wrong == ["invalid_otp"] * 10 + ["too_many_attempts"]
    assert page_login(browser) == 302
    assert browser.post("/login/verify", {"code": app.code()})["Location"] == "/"


# Strangers


def test_a_hundred_addresses_have_ten_attempts_at_a_name_among_them(cast):
    statuses = [fail_logins(1, address=f"198.51.100.{n}")[0] for n in range(100)]
    assert statuses == [401] * 10 + [429] * 90


def test_addresses_of_one_ipv6_subscriber_are_one(cast):
    for n in range(50):
        assert login(f"nobody-{n}", address=f"2001:db8:0:7::{n:x}").status_code == 401
    assert login(address="2001:db8:0:7:ffff::1").status_code == 429
    assert login(address="2001:db8:0:8::1").status_code == 200


def test_a_sign_in_elsewhere_gives_strangers_no_attempt_back(home):
    assert fail_logins(9) == [401] * 9
    assert login(address=home).status_code == 200
    assert fail_logins(2) == [401, 429]


@pytest.fixture
def full_disk(db):
    """PostgreSQL's answer to a new session, until its trigger is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;"
            "CREATE TRIGGER full_disk BEFORE INSERT ON sessions EXECUTE FUNCTION refuse()"
        )
        yield lambda: cursor.execute("DROP TRIGGER full_disk ON sessions")


@pytest.mark.only_on("postgresql")
def test_who_knows_the_password_is_not_locked_out_by_a_database_that_takes_nothing(cast, full_disk):
    assert [login().status_code for _ in range(12)] == [503] * 12
    full_disk()
    assert login().status_code == 200


def test_what_was_counted_before_an_outage_and_is_given_back_after_it_gains_nobody_an_attempt(cast):
    counted_elsewhere = login_throttle.counters_for(cast.viewer, "the-viewer")
    for _ in range(3):
        login_throttle.refund_success(counted_elsewhere)
    assert fail_logins(12) == [401] * 10 + [429] * 2
    assert login("the-manager").status_code == 200


def test_a_right_password_itself_costs_strangers_no_attempt(cast):
    fail_logins(9)
    for n in range(3):
        assert login(address=f"198.51.100.{n}").status_code == 200
    assert fail_logins(2) == [401, 429]


@pytest.mark.parametrize("name", ["the-viewer", "nobody-of-this-name"])
def test_who_goes_on_failing_waits_twice_as_long_each_time(cast, name):
    user = User.objects.known_as(name)
    counter = login_throttle.account_key(user) if user else login_throttle.unknown_name_key(name)
    waits = []
    for n in range(8):
        assert fail_logins(10, name, f"198.51.100.{n}") == [401] * 10
        waits.append(int(login(name)["Retry-After"]) / MINUTES)
        let_the_wait_pass(counter)
    longest = [15, 30, 60, 120, 240, 480, 960, 960]
    assert all(limit - 1 < wait <= limit for wait, limit in zip(waits, longest, strict=True)), waits


@pytest.fixture
def hundred(cast, home):
    """A hundred failed attempts in a row by strangers, over days; the Viewer is known at home."""
    for n in range(10):
        assert fail_logins(10, address=f"198.51.100.{n}") == [401] * 10
        let_the_wait_pass(login_throttle.account_key(stored(cast.viewer)))


def test_after_a_hundred_in_a_row_strangers_wait_for_good(hundred):
    refused = login()
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 29 * 24 * 60 * MINUTES


ENDS = {
    "a right password where one is known": lambda cast: login(address=HOME),
    "an administrator": lambda cast: user_services.unlock_user(actor=cast.admin, user_id=cast.viewer.pk),
    "another password": lambda cast: password_services.set_password_by_link(
        user_id=cast.viewer.pk, link_token=reset_tokens.make_token(stored(cast.viewer)), new_password=NEW
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_hundred_in_a_row_are_forgotten_after(cast, hundred, end):
    end(cast)
    assert fail_logins(1) == [401]


# Letting in again


def locked_out_everywhere(browser):
    guess_on_page(browser, 11)
    assert [page_login(browser), login().status_code] == [429, 429]


def test_an_administrator_lets_in_again_also_where_one_is_known(cast, browser, admin):
    locked_out_everywhere(browser)
    assert admin.post(f"/api/users/{cast.viewer.pk}/unlock").status_code == 200
    assert [page_login(browser), login().status_code] == [302, 200]


def test_a_password_from_a_mailed_link_lets_in_again_everywhere(cast, browser):
    locked_out_everywhere(browser)
    link = reset_tokens.make_token(stored(cast.viewer))
    password_services.set_password_by_link(user_id=cast.viewer.pk, link_token=link, new_password=NEW)
    assert [page_login(browser, NEW), login(password=NEW).status_code] == [302, 200]


def test_strangers_who_go_on_keep_nobody_out_of_the_browser_that_followed_a_mailed_link(cast):
    fail_logins(11)
    browser, place = Client(), urlsafe_base64_encode(str(cast.viewer.pk).encode())
    browser.get(f"/set-password/{place}/{reset_tokens.make_token(stored(cast.viewer))}")
    form = {"new_password": NEW, "repeated": NEW}
    assert browser.post("/set-password", form)["Location"] == "/login"
    assert fail_logins(11) == [401] * 10 + [429]
    assert page_login(browser, NEW) == 302


def test_a_password_from_an_administrator_lets_in_again(cast, browser):
    locked_out_everywhere(browser)
    password_services.reset_password(actor=cast.super_admin, user_id=cast.viewer.pk, password=NEW)
    assert login(password=NEW).status_code == 200


def test_an_unlock_that_is_refused_lets_nobody_in(cast, browser, viewer):
    locked_out_everywhere(browser)
    assert viewer.post(f"/api/users/{cast.viewer.pk}/unlock").status_code == 403
    assert page_login(browser) == 429


NOTICE = "opens only from browsers and addresses where it was"


@pytest.mark.parametrize("step", ["password", "code"])
def test_an_administrator_sees_on_the_users_page_who_is_locked_out(cast, step):
    code = {"otp": give_app(cast.viewer).wrong_code()} if step == "code" else {}
    administrator, path = page_client(cast.admin), f"/users/{cast.viewer.pk}"
    password = PASSWORD if code else "Wrong-Horse"
    for n in range(10):
        assert NOTICE not in administrator.get(path).content.decode(), n
        assert login(password=password, **code).status_code == 401
    assert NOTICE in administrator.get(path).content.decode()
    administrator.post(f"{path}/unlock")
    assert NOTICE not in administrator.get(path).content.decode()


# What is said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 minute"),
        (61, "2 minutes"),
        (900, "15 minutes"),
        (7201, "3 hours"),
        (57_600, "16 hours"),
        (10**6, "12 days"),
    ],
)
def test_the_wait_is_said_in_units_that_people_use(seconds, said):
    assert TooManyAttempts(seconds).sentence == f"Too many attempts. Try again in {said}."


def test_who_attempts_the_current_password_in_a_session_is_shown_how_long_to_wait(cast):
    browser = page_client(cast.viewer)
    form = {"current_password": "Wrong-Horse-7", "new_password": NEW, "repeated": NEW}
    for _ in range(10):
        assert "This is not your current password." in browser.post("/password", form).content.decode()
    assert "Too many attempts. Try again in 15 minutes." in browser.post("/password", form).content.decode()


# Counters


def test_names_that_nobody_has_share_a_bounded_number_of_counters_that_only_the_server_can_tell(settings):
    names = [f"nobody-{n}" for n in range(200)] + ["\ud800", "x" * 10_000]
    counters = [login_throttle.unknown_name_key(name) for name in names]
    assert all(int(counter.removeprefix("typed-")) < login_throttle.UNKNOWN_NAME_COUNTERS for counter in counters)
    assert len(set(counters)) > 190
    settings.SECRET_KEY = "another key of more than 32 bytes"
    assert login_throttle.unknown_name_key(names[0]) != counters[0]


def test_a_counter_shows_nothing_of_the_password_and_the_place(cast):
    for counter in (login_throttle.account_key(cast.viewer), login_throttle.account_key(cast.viewer, "login", HOME)):
        assert re.fullmatch(rf"user-{cast.viewer.pk}-login-[0-9a-f]{{16}}", counter)
