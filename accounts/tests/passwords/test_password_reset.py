"""Forgot passwords: who asks gets one answer, and a link only in the mailbox of the account."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import OutgoingMail, ResetRequest, User
from accounts.notifications import outbox
from accounts.notifications.links import invitation_tokens, is_valid_link, reset_tokens
from accounts.notifications.services import send_reset_link
from accounts.passwords import services as password_services
from accounts.passwords.reset import request_reset
from accounts.throttling import rate_limits
from accounts.users import services as user_services
from audit.models import AuditLog
from reprotech.core.exceptions import NotFound, TooManyAttempts
from reprotech.testing.cast import PASSWORD, at_once, audit_rows, make_user
from reprotech.testing.client import Caller, page_client
from reprotech.tests.contract.authentication.test_lockout import login
from reprotech.tests.support.mfa_devices import give_app

NEW = "Other-Horse-8"


@pytest.fixture
def asked(django_capture_on_commit_callbacks):
    """Ask on the page and let the background do its part; returns the answer."""

    def ask(name, browser=None, **headers):
        with django_capture_on_commit_callbacks(execute=True):
            return (browser or Client()).post("/forgot-password", {"username": name}, **headers)

    return ask


def link_in(message):
    return re.search(r"/set-password/\S+", message.body)[0]


def choose(link, password=NEW, browser=None):
    browser = browser or Client()
    browser.get(link)
    return browser.post("/set-password", {"new_password": password, "repeated": password})


def stored(user):
    return User.objects.get(pk=user.pk)


# The answer


@pytest.fixture
def kept_out(cast):
    """Accounts of every kind that gets no link, by what is wrong with them."""
    user_services.lock_user(actor=cast.admin, user_id=cast.manager.pk)
    user_services.update_user(actor=cast.admin, user_id=cast.researcher.pk, is_active=False)
    user_services.delete_user(actor=cast.admin, user_id=cast.veterinarian.pk)
    make_user("balance-3", "viewer", password=None, is_service=True)
    mail.outbox.clear()
    return ["the-manager", "the-researcher", "the-veterinarian", "balance-3", "nobody-at-all", "nobody@lab.example"]


def test_everybody_gets_the_same_answer_from_the_same_queries(cast, kept_out):
    answers, statements = [], []
    for name in ("the-viewer", "the-viewer@lab.example", *kept_out):
        browser = Client()
        browser.get("/forgot-password")
        with CaptureQueriesContext(connection) as queries:
            answer = browser.post("/forgot-password", {"username": name})
        # Before the next request, which empties the connection's log.
        statements.append([re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries])
        page = re.sub(rb'data-now="[^"]*"', b"", browser.get(answer["Location"]).content)
        answers.append((answer.status_code, answer["Location"], answer.content, dict(answer.cookies), page))
    assert all(answer == answers[0] for answer in answers)
    assert all(found == statements[0] for found in statements)
    assert [sql.split()[:3] for sql in statements[0] if "INSERT" in sql] == [["INSERT", "INTO", '"reset_requests"']]
    assert not any("users" in sql for sql in statements[0])
    assert ResetRequest.objects.count() == len(answers)


def test_only_who_may_sign_in_is_mailed(cast, kept_out, asked):
    for name in kept_out:
        asked(name)
    assert mail.outbox == []
    asked("THE-VIEWER")
    assert [message.to for message in mail.outbox] == [["the-viewer@lab.example"]]
    assert not ResetRequest.objects.exists()


def test_each_request_is_on_record_with_where_it_came_from(cast, kept_out, asked):
    with audit_rows() as rows:
        for name in ("the-viewer@lab.example", "the-manager", "nobody-at-all"):
            asked(name, REMOTE_ADDR="192.0.2.77", HTTP_USER_AGENT="lab-browser/9")
    recorded = [(row.username, row.user_id, row.resource_name, row.success, row.details.get("reason")) for row in rows]
    assert recorded == [
        ("the-viewer@lab.example", cast.viewer.pk, "the-viewer", True, None),
        ("the-manager", cast.manager.pk, "the-manager", False, "The account is locked."),
        ("nobody-at-all", None, "", False, "There is no such user."),
    ]
    assert {(row.action, row.ip_address, row.user_agent) for row in rows} == {
        ("password_reset", "192.0.2.77", "lab-browser/9")
    }
    assert all(row.request_id for row in rows)


def test_who_was_invited_and_never_came_can_ask_for_a_new_link(cast, asked):
    make_user("newcomer", "viewer", password=None)
    mail.outbox.clear()
    asked("newcomer")
    assert choose(link_in(mail.outbox[0]))["Location"] == "/login"
    assert login("newcomer", NEW).status_code == 200


@pytest.mark.parametrize("typed", ["", " ", "x" * 255, "nul\x00byte"])
def test_what_is_no_name_is_refused_at_the_field(db, typed):
    answer = Client().post("/forgot-password", {"username": typed})
    assert answer.status_code == 422
    assert not ResetRequest.objects.exists()


def test_what_looks_like_a_query_is_a_name_that_nobody_has(cast, asked):
    for typed in ("' OR 1=1 --", "%", "*", "the-viewer%", "the-viewer@lab.example, x@evil.example", "a\nBcc: b@c.d"):
        assert asked(typed).status_code == 302
    assert mail.outbox == []


# Limits


def test_an_address_that_asks_too_often_is_refused(cast, asked):
    answers = [asked(f"name-{number}") for number in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {302}
    assert (answers[20].status_code, int(answers[20]["Retry-After"]) > 0) == (429, True)
    assert b"Too many attempts" in answers[20].content
    assert asked("the-viewer", REMOTE_ADDR="192.0.2.78").status_code == 302


def test_an_account_is_not_flooded_and_the_answer_stays_the_same(cast, asked):
    with audit_rows() as rows:
        names = ("the-viewer", "the-viewer@lab.example")
        answers = [asked(names[number % 2], REMOTE_ADDR=f"192.0.2.{number % 2}") for number in range(10)]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/forgot-password/sent")}
    assert len(mail.outbox) == 3
    assert [row.details.get("reason") for row in rows].count("Too many attempts.") == 2  # one for each address
    assert len(rows) == 5


# The link


def test_a_link_sets_a_password_once_and_ends_every_session(cast, asked):
    before, page = Caller(cast.viewer), page_client(cast.viewer)
    assert before.get("/api/auth/me").status_code == 200
    asked("the-viewer")
    link = link_in(mail.outbox[0])
    assert login("the-viewer").status_code == 200  # the old password is good until then
    with audit_rows() as rows:
        assert choose(link)["Location"] == "/login"
    assert [(row.action, row.username, row.details["ended_sessions"]) for row in rows] == [
        ("password_change", "the-viewer", 3)
    ]
    assert (before.get("/api/auth/me").status_code, page.get("/").status_code) == (401, 302)
    assert login("the-viewer", NEW).status_code == 200
    assert choose(link, "Third-Horse-9").status_code == 422
    assert login("the-viewer", NEW).status_code == 200


def test_it_clears_the_lockout(cast, asked):
    for _ in range(10):
        login("the-viewer", "Wrong-Horse-1")
    assert login("the-viewer").status_code == 429
    asked("the-viewer")
    choose(link_in(mail.outbox[0]))
    assert login("the-viewer", NEW).status_code == 200


def test_the_second_factor_is_asked_for_all_the_same(cast, asked):
    app = give_app(cast.viewer)
    asked("the-viewer")
    choose(link_in(mail.outbox[0]))
    browser = Client()
    answer = browser.post("/login", {"username": "the-viewer", "password": NEW})
    assert answer["Location"] == "/login/verify"
    assert login("the-viewer", NEW).json()["code"] == "mfa_required"
    assert browser.post("/login/verify", {"code": app.code()})["Location"] == "/"


VOIDED_BY = {
    "a newer request": lambda cast: send_reset_link(cast.viewer),
    "an administrator's link": lambda cast: password_services.send_password_reset(
        actor=cast.admin, user_id=cast.viewer.pk
    ),
    "a new password": lambda cast: password_services.change_password(
        actor=cast.viewer, current_password=PASSWORD, new_password="Third-Horse-9"
    ),
    "a new address": lambda cast: user_services.update_user(
        actor=cast.admin, user_id=cast.viewer.pk, email="v@lab.example"
    ),
    "locking": lambda cast: (
        user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk),
        user_services.unlock_user(actor=cast.admin, user_id=cast.viewer.pk),
    ),
    "deactivating": lambda cast: (
        user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, is_active=False),
        user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, is_active=True),
    ),
}


@pytest.mark.parametrize("happens", VOIDED_BY.values(), ids=VOIDED_BY)
def test_a_link_dies_by(cast, happens):
    token = reset_tokens.make_token(stored(cast.viewer))
    assert is_valid_link(stored(cast.viewer), token)
    happens(cast)
    assert not is_valid_link(stored(cast.viewer), token)


def test_signing_in_meanwhile_leaves_it_good(cast):
    token = reset_tokens.make_token(stored(cast.viewer))
    assert login("the-viewer").status_code == 200
    assert is_valid_link(stored(cast.viewer), token)


@pytest.mark.parametrize(
    ("tokens", "good_for"), [(reset_tokens, timedelta(hours=1)), (invitation_tokens, timedelta(days=3))]
)
def test_a_reset_is_good_for_an_hour_and_an_invitation_for_three_days(cast, monkeypatch, tokens, good_for):
    token = tokens.make_token(stored(cast.viewer))
    made = timezone.now()
    for is_good, age in ((True, good_for - timedelta(seconds=60)), (False, good_for + timedelta(seconds=60))):
        monkeypatch.setattr(timezone, "now", lambda age=age: made + age)
        assert is_valid_link(stored(cast.viewer), token) is is_good


def test_a_mail_that_still_waits_is_replaced_by_a_newer_one(cast, settings):
    send_reset_link(cast.viewer)
    send_reset_link(cast.viewer, "password_forgotten")
    assert [row.letter for row in OutgoingMail.objects.all()] == ["password_forgotten"]


def test_no_link_leaves_for_who_was_locked_meanwhile(cast):
    send_reset_link(cast.viewer)
    user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
    outbox.drain()
    assert mail.outbox == []
    assert not OutgoingMail.objects.exists()


def test_opening_a_link_spends_nothing_and_leaks_nothing(cast, asked):
    asked("the-viewer")
    link, scanner = link_in(mail.outbox[0]), Client()
    for _ in range(3):
        opened = scanner.get(link)
        assert (opened["Location"], opened["Referrer-Policy"]) == ("/set-password", "no-referrer")
        assert "no-store" in opened["Cache-Control"]
        page = scanner.get("/set-password").content.decode()
        assert 'autocomplete="username" value="the-viewer"' in page
        assert link.split("/")[-1] not in page
    assert choose(link)["Location"] == "/login"


def test_a_dead_link_says_so_at_once_and_leads_to_a_new_one(cast):
    browser = Client()
    browser.get("/set-password/MQ/abc-def")
    page = browser.get("/set-password").content.decode()
    assert "This link has expired or was already used" in page
    assert 'href="/forgot-password"' in page
    assert 'type="password"' not in page


# The background


def test_a_request_that_was_not_answered_for_an_hour_is_dropped(cast):
    with audit_rows() as rows:
        ResetRequest.objects.create(typed="the-viewer", created_at=timezone.now() - timedelta(minutes=61))
        outbox.drain()
    assert (rows, mail.outbox, ResetRequest.objects.count()) == ([], [], 0)


@pytest.mark.django_db(transaction=True)
def test_a_server_looks_for_the_account_after_its_answer_and_not_during_it(cast, monkeypatch):
    woken = []
    outbox.start()
    try:
        monkeypatch.setattr(outbox._thread, "wake", lambda: woken.append(1))
        request_reset(typed="the-viewer")
        assert woken == []
        send_reset_link(cast.manager)
        assert woken == [1]
    finally:
        monkeypatch.undo()
        outbox.stop()


def test_mails_leave_although_a_request_can_not_be_answered(cast, monkeypatch, caplog):
    def fail(*_):
        raise ValueError("broken")

    monkeypatch.setattr("accounts.passwords.reset._process", fail)
    ResetRequest.objects.create(typed="the-viewer")
    OutgoingMail.objects.create(user=cast.manager, address="m@lab.example", letter="invitation")
    assert outbox.drain() == 1
    assert "A chore of the outbox failed" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgresql")
def test_several_processes_answer_each_request_once(cast):
    ResetRequest.objects.bulk_create([ResetRequest(typed=f"nobody-{number}") for number in range(30)])
    ResetRequest.objects.create(typed="the-viewer")
    with audit_rows() as rows:
        assert not [found for found in at_once(*[outbox.drain] * 4) if isinstance(found, Exception)]
    assert len(rows) == 31
    assert [message.to for message in mail.outbox] == [["the-viewer@lab.example"]]


@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_used_many_times_at_once_is_used_once(cast):
    token = reset_tokens.make_token(stored(cast.viewer))

    def use(number):
        return lambda: password_services.set_password_by_link(
            user_id=cast.viewer.pk, link_token=token, new_password=f"Racing-Horse-{number}"
        )

    with audit_rows() as rows:
        answers = at_once(*map(use, range(12)))  # as many as there are hashing slots
    done = [answer for answer in answers if isinstance(answer, User)]
    assert len(done) == 1
    assert {type(answer).__name__ for answer in answers if answer not in done} == {"NotFound"}
    assert [row.action for row in rows] == ["password_change"]
    winner = [number for number in range(12) if stored(cast.viewer).check_password(f"Racing-Horse-{number}")]
    assert winner == [answers.index(done[0])]


@pytest.mark.django_db(transaction=True)
def test_a_link_that_became_void_while_the_password_was_hashed_sets_none(cast, monkeypatch):
    token = reset_tokens.make_token(stored(cast.viewer))
    original = password_services.make_password

    def hash_slowly(password):
        user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
        user_services.unlock_user(actor=cast.admin, user_id=cast.viewer.pk)
        return original(password)

    monkeypatch.setattr(password_services, "make_password", hash_slowly)
    with pytest.raises(NotFound):
        password_services.set_password_by_link(user_id=cast.viewer.pk, link_token=token, new_password=NEW)
    assert stored(cast.viewer).check_password(PASSWORD)


def test_the_address_is_counted_before_anything_is_written(cast, origin):
    for _ in range(20):
        rate_limits.count("reset_address", origin.ip_address)
    with pytest.raises(TooManyAttempts):
        request_reset(typed="the-viewer")
    assert not ResetRequest.objects.exists()
    assert not AuditLog.objects.filter(action="password_reset").exists()
