"""Which browsers and addresses are known for an account."""

from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.authentication.login import sign_in_with_tokens
from accounts.models import Session, User
from accounts.passwords import services as password_services
from accounts.throttling import known_devices
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing.cast import PASSWORD, make_user

ELSEWHERE = "198.51.100.99"
COOKIE = configured.DEVICE_COOKIE_NAME
NEW = "Other-Horse-8"


def signed_in(user, password=PASSWORD, cookie=""):
    """The device cookie of a browser in which the user has just signed in by the page."""
    client = Client(REMOTE_ADDR="192.0.2.10")
    client.cookies[COOKIE] = cookie
    assert client.post("/login", {"username": user.username, "password": password}).status_code == 302
    return client.cookies[COOKIE]


def from_browser(cookie):
    """Act from a browser with this cookie, at an address that nobody knows."""
    return request_origin(RequestOrigin(ip_address=ELSEWHERE, device_cookie=cookie))


def is_known(user):
    """Whether the request comes from a browser or an address from which the user signed in before."""
    return bool(known_devices.known_browser(user)) or known_devices.is_known_address(user)


def knows(cookie, user):
    with from_browser(cookie):
        return is_known(User.objects.get(pk=user.pk))


def test_a_browser_is_known_after_a_sign_in_and_to_its_user_alone(cast):
    cookie = signed_in(cast.viewer).value
    assert knows(cookie, cast.viewer)
    assert not knows(cookie, cast.manager)
    assert not knows("", cast.viewer)


def test_the_cookie_is_out_of_reach_for_scripts_and_says_nobodys_name(cast):
    cookie = signed_in(cast.viewer)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["max-age"] == timedelta(days=90).total_seconds()
    name, _time, signature = cookie.value.split(":")
    assert (len(name), len(signature)) == (12, 43)


def test_a_browser_is_known_to_all_who_share_it_up_to_ten(cast):
    users = [make_user(f"sharer-{n}") for n in range(11)]
    cookie = ""
    for user in users:
        cookie = signed_in(user, cookie=cookie).value
    assert [knows(cookie, user) for user in users] == [False] + [True] * 10


def test_signing_in_again_adds_nothing_to_the_cookie(cast):
    first = signed_in(cast.viewer).value
    again = signed_in(cast.viewer, cookie=first).value
    assert again.count(":") == first.count(":")
    assert again.split(":")[0] == first.split(":")[0]


@pytest.mark.parametrize("spoil", [lambda c: c[:-1] + ("A" if c[-1] != "A" else "B"), lambda c: "x" + c, lambda c: "."])
def test_a_cookie_that_was_changed_is_good_for_nothing(cast, spoil):
    assert not knows(spoil(signed_in(cast.viewer).value), cast.viewer)


def test_a_huge_cookie_is_looked_at_in_part(cast):
    good = signed_in(cast.viewer).value
    assert knows(".".join(["a:b:c"] * 9 + [good] + ["a:b:c"] * 5000), cast.viewer)
    assert not knows(".".join(["a:b:c"] * 10 + [good]), cast.viewer)


def test_a_new_password_makes_every_browser_unknown_but_the_one_where_it_was_changed(cast):
    mine, other = Client(REMOTE_ADDR="192.0.2.10"), signed_in(cast.viewer).value
    mine.post("/login", {"username": "the-viewer", "password": PASSWORD})
    before = mine.cookies[COOKIE].value
    form = {"current_password": PASSWORD, "new_password": NEW, "repeated": NEW}
    assert mine.post("/password", form).status_code == 302
    assert [knows(cookie, cast.viewer) for cookie in (other, before, mine.cookies[COOKIE].value)] == [
        False,
        False,
        True,
    ]


def test_a_browser_is_forgotten_after_a_time_that_can_be_set(cast, settings):
    cookie = signed_in(cast.viewer).value
    settings.KNOWN_DEVICE_LIFETIME = timedelta(0)
    assert not knows(cookie, cast.viewer)


def test_a_key_that_was_replaced_still_vouches_for_a_browser_while_it_is_listed(cast, settings):
    cookie = signed_in(cast.viewer).value
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key of more than 32 bytes", [settings.SECRET_KEY]
    assert knows(cookie, cast.viewer)
    settings.SECRET_KEY_FALLBACKS = []
    assert not knows(cookie, cast.viewer)


def test_an_address_is_known_after_a_sign_in_to_its_user_alone(cast, origin):
    assert not is_known(cast.viewer)
    sign_in_with_tokens(identifier="the-viewer", password=PASSWORD)
    assert is_known(cast.viewer)
    assert not is_known(cast.manager)
    with from_browser(""):
        assert not is_known(cast.viewer)


def test_an_address_is_known_no_longer_after_a_new_password_or_a_long_time(cast, origin):
    sign_in_with_tokens(identifier="the-viewer", password=PASSWORD)
    Session.objects.update(created_at=timezone.now() - timedelta(days=91))
    assert not is_known(cast.viewer)
    Session.objects.update(created_at=timezone.now())
    assert is_known(cast.viewer)
    password_services.reset_password(actor=cast.super_admin, user_id=cast.viewer.pk, password=NEW)
    assert not is_known(User.objects.get(pk=cast.viewer.pk))


def test_who_comes_from_no_address_is_not_known_by_it(cast):
    sign_in_with_tokens(identifier="the-viewer", password=PASSWORD)
    assert Session.objects.get().ip_address is None
    assert not is_known(cast.viewer)


def test_a_name_that_nobody_has_costs_the_same_query(cast, origin, django_assert_num_queries):
    for user in (cast.viewer, None):
        with django_assert_num_queries(1):
            assert not known_devices.is_known_address(user)
    with from_browser("a:b:c"):
        assert known_devices.known_browser(None) == ""


def test_over_tls_the_cookie_is_secure(cast, origin, settings):
    settings.SSL_REQUIRED = True
    response = HttpResponse()
    known_devices.remember_browser(response, cast.viewer)
    assert response.cookies[COOKIE]["secure"] is True
