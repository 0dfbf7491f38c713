"""How many calls programs, addresses, tokens and sessions have: beyond that, 429 with when to come again."""

import pytest
from django.test import Client

from accounts.throttling import rate_limits
from reprotech.testing.client import page_client
from sso.tests.support.program import SECRET, make_program

pytestmark = pytest.mark.django_db

#: Of which no two share a network.
ADDRESSES = [f"192.0.{number}.7" for number in range(2, 12)]


@pytest.fixture(autouse=True)
def _three_a_minute(settings):
    settings.RATE_LIMIT_ENABLED = True
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "token": "3 per minute", "authorize": "3 per minute"}
    rate_limits.limit_of.cache_clear()
    rate_limits.reset()
    yield
    rate_limits.limit_of.cache_clear()
    rate_limits.reset()


@pytest.fixture
def token(program, browser):
    found = program.tokens(browser)["access_token"]
    rate_limits.reset()
    return found


def introspect(program, address):
    basic = (program.application.client_id, SECRET)
    return program.post("/oauth/introspect", {"token": "rpo_x"}, basic=basic, REMOTE_ADDR=address)


def userinfo(token, address):
    return Client().get("/oauth/userinfo", HTTP_AUTHORIZATION=f"Bearer {token}", REMOTE_ADDR=address)


def assert_told_to_wait(response):
    assert (response.status_code, response.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(response["Retry-After"]) <= 60


def test_a_program_wherever_it_calls_from(program):
    other = make_program("Other")
    assert [introspect(program, address).status_code for address in ADDRESSES[:3]] == [200] * 3
    assert_told_to_wait(introspect(program, ADDRESSES[3]))
    assert introspect(other, ADDRESSES[4]).status_code == 200


def test_an_address_whatever_it_calls_itself(program):
    def ask(address):
        return program.post("/oauth/token", {"client_id": "app_unknown", "grant_type": "x"}, REMOTE_ADDR=address)

    assert [ask(ADDRESSES[0]).status_code for _ in range(3)] == [401] * 3
    assert_told_to_wait(ask(ADDRESSES[0]))
    assert ask(ADDRESSES[1]).status_code == 401


def test_a_token_wherever_it_is_shown(token):
    assert [userinfo(token, address).status_code for address in ADDRESSES[:3]] == [200] * 3
    assert_told_to_wait(userinfo(token, ADDRESSES[3]))


def test_an_address_that_tries_tokens(token):
    assert [userinfo(f"rpo_{number}", ADDRESSES[0]).status_code for number in range(3)] == [401] * 3
    assert_told_to_wait(userinfo("rpo_3", ADDRESSES[0]))
    assert userinfo("rpo_4", ADDRESSES[1]).status_code == 401
    # A good one isn't shut out by what others at its address try.
    assert userinfo(token, ADDRESSES[0]).status_code == 200


def test_a_session_that_goes_round_in_circles(program, browser, cast):
    assert [program.authorize(browser).status_code for _ in range(3)] == [302] * 3
    refused = program.authorize(browser)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert program.authorize(page_client(cast.researcher)).status_code == 302
