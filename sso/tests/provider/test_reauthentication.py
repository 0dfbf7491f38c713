"""`prompt=login` and `max_age`: a person authenticates again, and the ID token says when."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Session
from reprotech.testing.cast import PASSWORD
from sso.tests.support.program import change, parameters_of

pytestmark = pytest.mark.django_db


def signed_in(user, minutes_ago):
    """The session of a person, whose last authentication was so long ago."""
    session = Session.objects.get(user=user)
    change(session, confirmed_at=timezone.now() - timedelta(minutes=minutes_ago))
    return Session.objects.get(pk=session.pk)


def way_back(response, page):
    """Where the page that asks leads to afterwards."""
    assert response.status_code == 302
    assert response["Location"].startswith(page), response["Location"]
    return parameters_of(response["Location"])["next"]


def confirm(browser):
    assert browser.post("/profile/security/confirm", {"password": PASSWORD}).status_code in {200, 302}


def test_a_fresh_sign_in_is_not_asked_again(program, browser):
    assert "code=" in program.authorize(browser, max_age="300")["Location"]


def test_an_old_sign_in_is_asked_again_and_the_id_token_says_when(program, browser, cast):
    old = signed_in(cast.researcher, minutes_ago=10)
    back = way_back(program.authorize(browser, max_age="300"), "/profile/security/confirm")
    # Without a password the way back leads to the same question.
    assert way_back(browser.get(back), "/profile/security/confirm")
    confirm(browser)
    code = parameters_of(browser.get(back)["Location"])["code"]
    claims = program.claims(program.redeem(code).json()["id_token"])
    assert claims["auth_time"] > old.confirmed_at.timestamp() + 500


@pytest.mark.parametrize("sent", [{"prompt": "login"}, {"max_age": "0"}])
def test_what_always_asks_is_satisfied_once(program, browser, sent):
    back = way_back(program.authorize(browser, **sent), "/profile/security/confirm")
    confirm(browser)
    assert "code=" in browser.get(back)["Location"]
    # The address of a history isn't a proof.
    assert way_back(browser.get(back), "/profile/security/confirm")


def test_a_sign_in_counts_as_what_was_asked(program, client, cast):
    back = way_back(program.authorize(client, prompt="login"), "/login")
    client.post("/login", {"username": "the-viewer", "password": PASSWORD})
    assert "code=" in client.get(back)["Location"]


def test_the_proof_of_one_request_serves_no_other(program, browser):
    back = way_back(program.authorize(browser, prompt="login"), "/profile/security/confirm")
    confirm(browser)
    proof = parameters_of(back)["reprotech_asked"]
    assert way_back(program.authorize(browser, prompt="login", state="other", reprotech_asked=proof), "/profile")
    for forged in ("x", "a.1:b", proof[:-1], f"{proof}x"):
        assert way_back(program.authorize(browser, prompt="login", reprotech_asked=forged), "/profile")


def test_without_max_age_an_old_sign_in_is_told_honestly(program, browser, cast):
    old = signed_in(cast.researcher, minutes_ago=40)
    claims = program.claims(program.tokens(browser)["id_token"])
    assert claims["auth_time"] == int(old.confirmed_at.timestamp())


def test_how_the_person_authenticated(program, browser, cast):
    methods = {
        "password": ["pwd"],
        "password totp": ["pwd", "otp", "mfa"],
        "password recovery_code": ["pwd", "otp", "mfa"],
        "passkey": ["pop", "mfa"],
        "password passkey": ["pwd", "pop", "mfa"],
    }
    session = Session.objects.get(user=cast.researcher)
    for words, amr in methods.items():
        change(session, methods=words)
        assert program.claims(program.tokens(browser)["id_token"])["amr"] == amr
    change(session, methods="")  # of an earlier version
    assert "amr" not in program.claims(program.tokens(browser)["id_token"])


@pytest.mark.parametrize("planted", ["", "x", "A" * 43, "A" * 44, "stolen"])
def test_a_strangers_proof_spares_nobody_the_question(program, browser, client, cast, planted):
    """They begin a request, and give the address with their proof to a person who signs in a moment later."""
    back = way_back(program.authorize(client, prompt="login"), "/login")
    stolen = client.cookies["reprotech_asked"].value
    confirm(browser)
    if planted:
        browser.cookies["reprotech_asked"] = planted
    if planted == "stolen":
        # Only who can write cookies of this host could do that; then it is as in their own browser.
        browser.cookies["reprotech_asked"] = stolen
        assert "code=" in browser.get(back)["Location"]
        return
    assert way_back(browser.get(back), "/profile/security/confirm")


def test_the_browser_is_known_by_a_cookie_that_scripts_and_other_sites_do_not_see(program, browser):
    first = program.authorize(browser, prompt="login")
    cookie = first.cookies["reprotech_asked"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 900)
    assert cookie.value not in first["Location"]
    backs = [
        way_back(first, "/profile"),
        way_back(program.authorize(browser, prompt="login", state="tab2"), "/profile"),
    ]
    confirm(browser)
    for back in backs:
        assert "code=" in browser.get(back)["Location"], "in each of two tabs"
