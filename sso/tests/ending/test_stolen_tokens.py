"""A program hears of a sign-in that ended since what it gave out was used twice: its session may be a thief's."""

import pytest

from reprotech.testing.client import page_client
from sso.models import AppSignIn, LogoutNotice
from sso.sign_ins import wake
from sso.sign_ins.notices import session_claim
from sso.tests.support.program import make_program

pytestmark = pytest.mark.django_db

LOGOUT_URI = "https://grafana.lab.example/logout"


@pytest.fixture
def program(cast):
    return make_program(backchannel_logout_uri=LOGOUT_URI)


@pytest.fixture
def browser(cast):
    return page_client(cast.researcher)


@pytest.fixture
def woken(monkeypatch):
    """How often the thread that delivers was woken."""
    calls = []
    monkeypatch.setattr(wake, "_wakers", [lambda: calls.append("woken")])
    return calls


def use_a_code_twice(program, browser):
    code = program.code(browser)
    program.redeem(code)
    return program.redeem(code)


def use_a_refresh_token_twice(program, browser):
    token = program.tokens(browser)["refresh_token"]
    program.refresh(token)
    return program.refresh(token)


@pytest.mark.parametrize("use_twice", [use_a_code_twice, use_a_refresh_token_twice])
def test_a_notice_is_queued_once_and_delivered_from_the_commit_on(
    program, browser, woken, django_capture_on_commit_callbacks, use_twice
):
    with django_capture_on_commit_callbacks(execute=True):
        assert use_twice(program, browser).json()["error"] == "invalid_grant"
    sign_in, notice = AppSignIn.objects.get(), LogoutNotice.objects.get()
    assert notice.sign_in == sign_in
    assert notice.sid == session_claim(sign_in.session_id, program.application)
    assert notice.subject == sign_in.user.subject.value
    assert woken == ["woken"]
    assert use_twice(program, browser).json()["error"] == "invalid_grant"
    assert LogoutNotice.objects.count() == 2, "one for each sign-in"


def test_a_program_that_revokes_its_own_token_is_told_nothing(program, browser):
    token = program.tokens(browser)["refresh_token"]
    assert program.call("/oauth/revoke", token=token).status_code == 200
    assert AppSignIn.objects.get().end_reason == "revoked"
    assert not LogoutNotice.objects.exists()


def test_a_refresh_token_of_long_ago_still_ends_its_sign_in_and_none_is_kept(program, browser):
    first = token = program.tokens(browser)["refresh_token"]
    rows = AppSignIn.objects.values()
    for _ in range(4):
        token = program.refresh(token).json()["refresh_token"]
    assert first not in str(rows)
    assert token[4:36] == first[4:36], "the family, by which it is known"
    assert token[4:36] not in str(rows.all())
    assert program.refresh(first).json()["error"] == "invalid_grant"
    assert AppSignIn.objects.get().end_reason == "refresh_reuse"
    assert program.refresh(token).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "damage",
    [
        lambda token: token[:-1],
        lambda token: token + "0",
        lambda token: token.upper(),
        lambda token: token[:4] + "0" * 32 + token[36:],
        lambda token: token[:36],
        lambda token: "rpr_" + "0" * 96,
    ],
)
def test_what_is_no_refresh_token_ends_nothing(program, browser, damage):
    token = program.tokens(browser)["refresh_token"]
    assert program.refresh(damage(token)).json()["error"] == "invalid_grant"
    assert AppSignIn.objects.get().ended_at is None
    assert program.refresh(token).status_code == 200
