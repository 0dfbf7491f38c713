"""More sign in at once than there are hashing slots: who finds none loses nothing, and keeps nobody else out."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.support.hashing_slots import SLOTS, occupied_slots
from reprotech.testing.cast import PASSWORD, audit_rows
from reprotech.testing.client import Caller, error_of

ATTEMPTS = 10


def login(name, password=PASSWORD):
    return Caller().post("/api/auth/login", {"username": name, "password": password})


@pytest.fixture
def full(hashing_slots):
    """All slots are taken until the end of the test."""
    with occupied_slots():
        yield


@pytest.mark.parametrize("name", ["the-viewer", "nobody-at-all"])
@pytest.mark.parametrize("password", [PASSWORD, "Wrong-Horse-7"])
def test_who_finds_no_slot_gets_the_same_answer_whatever_the_name_and_the_password(cast, full, name, password):
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


def test_what_was_not_looked_at_is_no_attempt(cast, hashing_slots):
    for _ in range(4):
        assert login("the-viewer", "Wrong-Horse-7").status_code == 401
    with occupied_slots():
        for _ in range(3 * ATTEMPTS):
            assert login("the-viewer").status_code == 503
    left = [login("the-viewer", "Wrong-Horse-7").status_code for _ in range(ATTEMPTS)]
    assert left == [401] * (ATTEMPTS - 4) + [429] * 4


def test_nor_in_a_browser_that_is_known_and_it_grants_none(cast, hashing_slots):
    browser = Client()

    def sign_in(password):
        return browser.post("/login", {"username": "the-viewer", "password": password}).status_code

    assert sign_in(PASSWORD) == 302
    browser.post("/logout")
    assert [sign_in("Wrong-Horse-7") for _ in range(4)] == [422] * 4
    with occupied_slots():
        assert [sign_in(PASSWORD) for _ in range(3 * ATTEMPTS)] == [503] * 3 * ATTEMPTS
    assert [sign_in("Wrong-Horse-7") for _ in range(ATTEMPTS)] == [422] * (ATTEMPTS - 4) + [429] * 4


def test_a_slot_is_free_again_whatever_became_of_its_sign_in(cast, hashing_slots, monkeypatch):
    def fail(*_):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(User, "check_password", fail)
        assert [login("the-viewer").status_code for _ in range(SLOTS + 1)] == [500] * (SLOTS + 1)
    assert login("the-viewer").status_code == 200
