"""More sign in at once than there are seats: who finds none is told so, loses nothing, and keeps nobody else out."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.support.hashing_slots import SEATS, taken_seats
from reprotech.testing.cast import PASSWORD, audit_rows
from reprotech.testing.client import Caller, error_of

GUESSES = 10


def login(name, password=PASSWORD):
    return Caller().post("/api/auth/login", {"username": name, "password": password})


@pytest.fixture
def full(seats):
    """All seats are taken until the end of the test."""
    with taken_seats():
        yield


@pytest.mark.parametrize("name", ["the-viewer", "nobody-at-all"])
@pytest.mark.parametrize("password", [PASSWORD, "Wrong-Horse-7"])
def test_whoever_finds_no_seat_is_told_the_same_whatever_the_name_and_the_password(cast, full, name, password):
    with audit_rows() as rows:
        answer = login(name, password)
    assert (answer.status_code, answer["Retry-After"]) == (503, "3")
    assert error_of(answer) == {
        "error": "Many passwords are being checked at this moment. Nothing was changed. Try again in a few seconds.",
        "code": "busy",
    }
    assert rows == []


def test_the_page_keeps_what_was_typed_and_says_what_to_do(cast, full):
    page = Client().post("/login", {"username": "the-viewer", "password": PASSWORD})
    assert (page.status_code, page["Retry-After"]) == (503, "3")
    assert (
        "Many passwords are being checked at this moment. Nothing was changed. Try again in a few seconds."
        in page.content.decode()
    )
    assert 'value="the-viewer"' in page.content.decode()


def test_everybody_else_is_answered(cast, full, viewer):
    assert viewer.get("/api/auth/me").status_code == 200


def test_what_was_not_looked_at_is_no_guess(cast, seats):
    for _ in range(4):
        assert login("the-viewer", "Wrong-Horse-7").status_code == 401
    with taken_seats():
        for _ in range(3 * GUESSES):
            assert login("the-viewer").status_code == 503
    left = [login("the-viewer", "Wrong-Horse-7").status_code for _ in range(GUESSES)]
    assert left == [401] * (GUESSES - 4) + [429] * 4


def test_nor_in_a_browser_that_is_known_and_it_grants_none(cast, seats):
    browser = Client()

    def sign_in(password):
        return browser.post("/login", {"username": "the-viewer", "password": password}).status_code

    assert sign_in(PASSWORD) == 302
    browser.post("/logout")
    assert [sign_in("Wrong-Horse-7") for _ in range(4)] == [422] * 4
    with taken_seats():
        assert [sign_in(PASSWORD) for _ in range(3 * GUESSES)] == [503] * 3 * GUESSES
    assert [sign_in("Wrong-Horse-7") for _ in range(GUESSES)] == [422] * (GUESSES - 4) + [429] * 4


def test_a_seat_is_free_again_whatever_became_of_its_sign_in(cast, seats, monkeypatch):
    def fail(*_):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(User, "check_password", fail)
        assert [login("the-viewer").status_code for _ in range(SEATS + 1)] == [500] * (SEATS + 1)
    assert login("the-viewer").status_code == 200
