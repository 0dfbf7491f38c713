"""Every password hash takes a slot, through every interface, so that threads remain for everyone else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from django.contrib.auth.hashers import check_password, make_password

from accounts.core import hashers
from accounts.models import Session, User
from accounts.notifications.links import reset_tokens
from accounts.passwords import services as password_services
from accounts.tests.support.hashing_slots import SLOTS, CountedSlots, occupied_slots
from accounts.throttling import rate_limits
from accounts.users import services as user_services
from accounts.users.csv import import_users
from reprotech.core.exceptions import ServerBusy
from reprotech.testing.cast import PASSWORD, audit_rows, eventually
from reprotech.testing.client import Caller, error_of, page_client

NEW = "Other-Horse-8"
CSV = "username,email,password\n" + "".join(f"new-{n},new-{n}@lab.example,Correct-Horse-{n}\n" for n in range(4))


def change(cast):
    body = {"current_password": PASSWORD, "new_password": NEW}
    return Caller(cast.viewer).post("/api/auth/change-password", body)


def create(cast):
    body = {"username": "new", "email": "new@lab.example", "password": NEW, "first_name": "N", "last_name": "N"}
    return Caller(cast.admin).post("/api/users", body)


def import_file(cast):
    return Caller(cast.admin).post("/api/users/import", CSV.encode(), CONTENT_TYPE="text/csv")


def reset(cast):
    return Caller(cast.admin).post(f"/api/users/{cast.viewer.pk}/reset-password", {"password": NEW})


INTERFACES = {"change": change, "create": create, "import": import_file, "reset": reset}


@pytest.fixture
def watched(hashing_slots, monkeypatch):
    """How many threads were in the hasher at once, at most; each hash waits a moment for others."""
    real, counting = bcrypt.hashpw, threading.Lock()
    seen = {"now": 0, "most": 0, "hashes": 0}

    def note(password, salt):
        with counting:
            seen["hashes"] += 1
            seen["most"] = max(seen["most"], hashers._slots.taken)
        return real(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", note)
    return seen


@pytest.mark.parametrize("call", INTERFACES.values(), ids=INTERFACES)
def test_an_interface_that_finds_no_slot_says_when_to_come_back_and_does_nothing(cast, hashing_slots, call):
    before = sorted(User.objects.values_list("username", "password"))
    with occupied_slots(), audit_rows() as rows:
        answer = call(cast)
    assert (answer.status_code, answer["Retry-After"], error_of(answer)["code"]) == (503, "3", "busy")
    assert sorted(User.objects.values_list("username", "password")) == before
    assert [row.action for row in rows if row.action != "login"] == []
    assert call(cast).status_code in {200, 201}


PAGES = {
    "change": ("/password", {"current_password": PASSWORD, "new_password": NEW, "repeated": NEW}),
    "confirm": ("/profile/security/confirm", {"password": PASSWORD}),
    "import": ("/users/import/confirm", {"text": CSV}),
}


@pytest.mark.parametrize(("path", "sent"), PAGES.values(), ids=PAGES)
def test_a_page_says_so_too(cast, hashing_slots, path, sent):
    browser = page_client(cast.admin)
    with occupied_slots():
        page = browser.post(path, sent)
    assert (page.status_code, page["Retry-After"]) == (503, "3")
    assert "Try again in a few seconds." in page.content.decode()
    assert browser.post(path, sent).status_code == 302


def test_a_link_stays_good_when_there_was_no_slot(cast, hashing_slots):
    token = reset_tokens.make_token(cast.viewer)
    with occupied_slots(), pytest.raises(ServerBusy):
        password_services.set_password_by_link(user_id=cast.viewer.pk, link_token=token, new_password=NEW)
    assert password_services.set_password_by_link(user_id=cast.viewer.pk, link_token=token, new_password=NEW)


@pytest.mark.parametrize("hash_", [lambda: make_password(NEW), lambda: check_password(NEW, hashers_hash())])
def test_the_hasher_itself_takes_the_slot(hashing_slots, hash_):
    with occupied_slots(), pytest.raises(ServerBusy):
        hash_()
    hash_()


def hashers_hash():
    return "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuvWxYz0123456789abcdefghijklmnopqrs"


def test_within_a_slot_no_hash_needs_another(hashing_slots, monkeypatch):
    monkeypatch.setattr(hashers, "_slots", CountedSlots(1))
    with hashers.hashing_slot(), hashers.hashing_slot():
        assert check_password(NEW, make_password(NEW))
    assert hashers._slots.taken == 0


def test_passwords_of_an_import_take_one_slot_in_all(hashing_slots, watched, monkeypatch):
    monkeypatch.setattr(hashers, "_slots", CountedSlots(1))
    hashes = hashers.hash_many([f"Horse-{n}" for n in range(8)])
    assert [check_password(f"Horse-{n}", hashed) for n, hashed in enumerate(hashes)] == [True] * 8
    assert watched["most"] == 1


def test_of_two_imports_one_hashes_at_a_time_and_others_keep_their_slots(hashing_slots, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    real = bcrypt.hashpw

    def wait(password, salt):
        begun.set()
        assert go_on.wait(60)
        return real(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", wait)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(hashers.hash_many, ["one", "two"])
        assert begun.wait(60)
        with pytest.raises(ServerBusy):
            hashers.hash_many(["three"])
        with hashers.hashing_slot():  # the second of two
            pass
        go_on.set()
        assert len(first.result()) == 2


def test_who_is_refused_by_a_rule_that_is_free_costs_no_hash(cast, watched):
    viewer, admin, manager = (Caller(user) for user in (cast.viewer, cast.admin, cast.manager))
    reset_path = f"/api/users/{cast.viewer.pk}/reset-password"
    person = {"username": "new", "email": "new@lab.example", "first_name": "", "last_name": "", "password": NEW}
    calls = [
        (viewer, "/api/auth/change-password", {"current_password": PASSWORD, "new_password": "weak"}),
        (viewer, "/api/auth/change-password", {"current_password": PASSWORD, "new_password": PASSWORD}),
        (viewer, "/api/auth/change-password", {"current_password": PASSWORD, "new_password": NEW, "odd": 1}),
        (manager, reset_path, {"password": NEW}),
        (admin, reset_path, {"password": "weak"}),
        (manager, "/api/users", person),
        (admin, "/api/users", {**person, "username": "the-viewer"}),
        (admin, "/api/users", {**person, "roles": ["Super Administrator"]}),
        (admin, "/api/users", {**person, "roles": ["no such role"]}),
        (admin, "/api/users", {**person, "password": "weak"}),
    ]
    watched["hashes"] = 0
    statuses = [caller.post(path, body).status_code for caller, path, body in calls]
    assert statuses == [400, 400, 400, 403, 400, 403, 409, 403, 400, 400]
    assert watched["hashes"] == 0


def test_right_passwords_are_limited_by_the_minute_too(cast):
    sessions = Caller(cast.viewer).signed_in
    for _ in range(10):
        password_services.confirm_password(actor=cast.viewer, password=PASSWORD, session_id=sessions.session.pk)
    answer = change(cast)
    assert (answer.status_code, error_of(answer)["code"]) == (429, "too_many_attempts")
    assert 0 < int(answer["Retry-After"]) <= 60
    rate_limits.reset()
    assert change(cast).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_threads_remain_while_passwords_are_changed_confirmed_set_and_imported(
    cast, hashing_slots, watched, monkeypatch
):
    """As many ask for hashes as there are threads: no more than there are slots get into the hasher."""
    real, everybody = bcrypt.hashpw, threading.Event()

    def wait(password, salt):
        everybody.wait(120)
        return real(password, salt)

    people = [
        user_services.create_user(actor=cast.admin, username=f"p-{n}", email=f"p-{n}@lab.example", password=PASSWORD)
        for n in range(2)
    ]
    session = Caller(cast.manager).signed_in.session
    token = reset_tokens.make_token(people[0])
    rows = [
        import_users.ImportRow(
            2, {"username": "n-1", "email": "n1@lab.example", "first_name": "", "last_name": ""}, (), NEW
        )
    ]
    monkeypatch.setattr(bcrypt, "hashpw", wait)
    calls = [
        lambda: password_services.change_password(actor=people[1], current_password=PASSWORD, new_password=NEW),
        lambda: password_services.confirm_password(actor=cast.manager, password=PASSWORD, session_id=session.pk),
        lambda: password_services.set_password_by_link(user_id=people[0].pk, link_token=token, new_password=NEW),
        lambda: import_users.import_users(actor=cast.admin, rows=rows),
        lambda: user_services.create_user(actor=cast.admin, username="n-2", email="n2@lab.example", password=NEW),
        lambda: password_services.reset_password(actor=cast.admin, user_id=cast.viewer.pk, password=NEW),
    ]

    def run(call):
        from django.db import connection

        try:
            call()
        except ServerBusy:
            return "busy"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(calls)) as threads:
        asked = [threads.submit(run, call) for call in calls]
        try:
            eventually(lambda: sum(done.done() for done in asked) == len(calls) - SLOTS)
            assert hashers._slots.taken == SLOTS
        except AssertionError:
            everybody.set()
            raise
        assert Caller(cast.stranger).get("/api/auth/me").status_code == 200
        assert Caller().get("/api/health").status_code == 200
        everybody.set()
    assert sorted(done.result() for done in asked) == ["busy"] * (len(calls) - SLOTS) + ["done"] * SLOTS
    assert hashers._slots.taken == 0
    assert Session.objects.filter(pk=session.pk).exists()
