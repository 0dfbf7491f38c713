"""A new e-mail address of one's own: it holds once it is confirmed from there, and the old one is notified."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.core.exceptions import AccountDisabled
from accounts.models import EmailChange, OutgoingMail, Session, User
from accounts.notifications.links import address_tokens
from accounts.passwords import services as password_services
from accounts.profile import email_change
from accounts.users import services as user_services
from accounts.users.erasure import erase_personal_data
from audit.presentation.event_text import sentence
from reprotech.core.exceptions import Conflict, NotFound, TooManyAttempts
from reprotech.testing.cast import PASSWORD, at_once, audit_rows, make_user
from reprotech.testing.client import page_client
from reprotech.tests.contract.authentication.test_lockout import login

OLD, NEW = "the-viewer@lab.example", "vera@lab.example"


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def browser(cast):
    return page_client(cast.viewer)


def stored(user):
    return User.objects.get(pk=user.pk)


def ask(user, address=NEW):
    return email_change.request_email_change(actor=user, email=address)


def token_of(change):
    return address_tokens.make_token(EmailChange.objects.select_related("user").get(pk=change.pk))


def confirm(user, token):
    return email_change.confirm_email_change(user_id=user.pk, link_token=token)


def mails():
    return {(message.to[0], message.subject.removeprefix("Reprotech: ")) for message in mail.outbox}


def link_in(message):
    return re.search(r"/confirm-email/\S+", message.body)[0]


def mail_to(address):
    return next(message for message in mail.outbox if message.to == [address])


def test_the_new_address_is_mailed_a_link_and_the_old_one_is_notified_at_once(cast, browser, on_commit):
    with on_commit():
        answer = browser.post("/profile/email", {"email": NEW})
    assert answer["Location"] == "/profile"
    assert mails() == {(NEW, "Confirm your e-mail address"), (OLD, "A new e-mail address for your account")}
    assert NEW in mail_to(OLD).body
    assert "/confirm-email/" not in mail_to(OLD).body
    page = browser.get("/profile").content.decode()
    assert re.search(rf"<strong>{NEW}</strong> waits to be confirmed", page)
    # Until then the old one holds, for signing in and for mails.
    assert stored(cast.viewer).email == OLD
    assert login(OLD).status_code == 200
    assert login(NEW).status_code == 401


def test_the_link_changes_the_address_also_where_nobody_is_signed_in(cast, browser, on_commit):
    with on_commit():
        browser.post("/profile/email", {"email": NEW})
    link, other = link_in(mail_to(NEW)), Client()
    mail.outbox.clear()
    for _ in range(2):  # a mail program looks first
        opened = other.get(link)
        assert (opened["Location"], opened["Referrer-Policy"]) == ("/confirm-email", "no-referrer")
    assert stored(cast.viewer).email == OLD
    with on_commit(), audit_rows() as rows:
        assert other.post("/confirm-email")["Location"] == "/login"
    assert stored(cast.viewer).email == NEW
    assert [(row.username, row.action, row.changes) for row in rows] == [
        ("the-viewer", "update", {"email": [OLD, NEW]})
    ]
    assert mails() == {(OLD, "Your e-mail address was changed"), (NEW, "Your e-mail address was changed")}
    assert (login(NEW).status_code, login(OLD).status_code) == (200, 401)
    assert browser.get("/profile").status_code == 200  # the session goes on
    again = Client()
    again.get(link)
    assert again.post("/confirm-email").status_code == 422
    assert b"This link has expired or was already used" in again.get("/confirm-email").content


def test_a_browser_that_signed_in_a_while_ago_asks_for_the_password_first(cast, browser, on_commit):
    """The page is open to everybody: nothing before its service looks for the session of the cookie."""
    with on_commit():
        ask(cast.viewer)
    Session.objects.update(confirmed_at=None)
    browser.get(link_in(mail_to(NEW)))
    asked = browser.post("/confirm-email")
    assert (asked.status_code, b"Confirm your password" in asked.content) == (422, True)
    assert stored(cast.viewer).email == OLD
    assert browser.post("/confirm-email", {"confirm-password": PASSWORD})["Location"] == "/profile"
    assert stored(cast.viewer).email == NEW


def test_asking_confirming_and_giving_up_leave_one_row_each(cast, browser):
    with audit_rows() as rows:
        browser.post("/profile/email", {"email": NEW})
        browser.post("/profile/email", {"email": "second@lab.example"})
        assert browser.post("/profile/email/cancel")["Location"] == "/profile"
        assert browser.post("/profile/email/cancel").status_code == 404
    assert [row.details for row in rows] == [
        {"email_change": "asked", "sent_to": NEW},
        {"email_change": "asked", "sent_to": "second@lab.example"},
        {"email_change": "cancelled"},
    ]
    assert [sentence(row) for row in rows][1:] == [
        "the-viewer asked to change their e-mail address",
        "the-viewer gave up changing their e-mail address",
    ]
    assert {(row.username, row.action, row.resource_name) for row in rows} == {("the-viewer", "update", "the-viewer")}
    assert not EmailChange.objects.exists()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("nowhere", "Enter a valid e-mail address."),
        (OLD, "This is your address already."),
        ("the-manager@lab.example", "This e-mail address is taken."),
        ("THE-MANAGER@LAB.EXAMPLE", "This e-mail address is taken."),
        ("", "Enter the new e-mail address."),
        ("x" * 250 + "@lab.example", "Ensure this value has at most 254 characters"),
        ("a@lab.example\nBcc: b@lab.example", "Enter a valid e-mail address."),
    ],
)
def test_an_address_that_will_not_do_is_refused_at_the_field(cast, browser, typed, sentence):
    answer = browser.post("/profile/email", {"email": typed})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert (stored(cast.viewer).email, EmailChange.objects.count(), OutgoingMail.objects.count()) == (OLD, 0, 0)


def test_the_same_address_in_another_case_is_a_change(cast):
    change = ask(cast.viewer, "The-Viewer@lab.example")
    assert confirm(cast.viewer, token_of(change)).email == "The-Viewer@lab.example"


def test_nobody_makes_us_mail_the_world(cast):
    for number in range(5):
        ask(cast.viewer, f"victim-{number}@lab.example")
    with pytest.raises(TooManyAttempts):
        ask(cast.viewer, "victim-5@lab.example")
    assert EmailChange.objects.get().address == "victim-4@lab.example"


VOIDED_BY = {
    "another address": lambda cast: ask(cast.viewer, "second@lab.example"),
    "the same address once more": lambda cast: ask(cast.viewer),
    "giving up": lambda cast: email_change.cancel_email_change(actor=cast.viewer),
    "a new password": lambda cast: password_services.change_password(
        actor=cast.viewer, current_password=PASSWORD, new_password="Third-Horse-9"
    ),
    "a reset": lambda cast: password_services.reset_password(
        actor=cast.admin, user_id=cast.viewer.pk, password="Third-Horse-9"
    ),
    "an administrator's change": lambda cast: user_services.update_user(
        actor=cast.admin, user_id=cast.viewer.pk, email="by-admin@lab.example"
    ),
    "locking": lambda cast: (
        user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk),
        user_services.unlock_user(actor=cast.admin, user_id=cast.viewer.pk),
    ),
    "deleting": lambda cast: user_services.delete_user(actor=cast.admin, user_id=cast.viewer.pk),
    "a day": lambda cast: EmailChange.objects.update(requested_at=timezone.now() - timedelta(hours=25)),
}


@pytest.mark.parametrize("happens", VOIDED_BY.values(), ids=VOIDED_BY)
def test_a_link_dies_by(cast, happens):
    token = token_of(ask(cast.viewer))
    happens(cast)
    before = stored(cast.viewer).email
    with pytest.raises(NotFound):
        confirm(cast.viewer, token)
    assert stored(cast.viewer).email == before != NEW


@pytest.mark.parametrize("field", ["locked_at", "deleted_at"])
def test_an_account_that_cannot_be_used_changes_no_address(cast, field):
    token = token_of(ask(cast.viewer))
    # Unlike the services, this leaves the waiting change and its token as they were.
    User.objects.filter(pk=cast.viewer.pk).update(**{field: timezone.now()})
    assert email_change.find_email_change(user_id=cast.viewer.pk, link_token=token) is None
    with pytest.raises(NotFound):
        confirm(cast.viewer, token)
    for call in (lambda: ask(cast.viewer), lambda: email_change.cancel_email_change(actor=cast.viewer)):
        with pytest.raises(AccountDisabled):
            call()
    assert stored(cast.viewer).email == OLD


def test_a_new_password_takes_the_waiting_address_off_the_profile(cast):
    ask(cast.viewer)
    password_services.reset_password(actor=cast.admin, user_id=cast.viewer.pk, password="Third-Horse-9")
    assert not EmailChange.objects.exists()


def test_an_address_that_was_not_confirmed_in_time_can_be_asked_for_again(cast, browser):
    ask(cast.viewer)
    EmailChange.objects.update(requested_at=timezone.now() - timedelta(hours=25))
    assert f"<strong>{NEW}</strong> was not confirmed in time." in browser.get("/profile").content.decode()
    assert browser.post("/profile/email", {"email": NEW}).status_code == 302
    assert EmailChange.objects.get().is_open


def test_a_link_that_left_late_is_good_no_longer_than_the_change(cast):
    change = ask(cast.viewer)
    EmailChange.objects.update(requested_at=timezone.now() - timedelta(hours=25))
    with pytest.raises(NotFound):
        confirm(cast.viewer, token_of(change))


def test_a_link_is_of_one_account_alone(cast):
    mine, theirs = ask(cast.viewer), ask(cast.manager, "m@lab.example")
    tokens = (token_of(theirs), token_of(mine) + "x", "", "x-y", "é-é")
    for token in tokens:
        with pytest.raises(NotFound):
            confirm(cast.viewer, token)
    with pytest.raises(NotFound):
        email_change.confirm_email_change(user_id=0, link_token=token_of(mine))


def test_a_link_of_a_mail_that_waited_is_not_sent_when_it_is_over(cast, on_commit):
    with on_commit():
        ask(cast.viewer)
        email_change.cancel_email_change(actor=cast.viewer)
    assert mails() == {(OLD, "A new e-mail address for your account")}


def test_an_address_that_someone_got_meanwhile_is_not_taken_from_them(cast, browser, on_commit):
    with on_commit():
        browser.post("/profile/email", {"email": NEW})
    make_user("vera", "viewer", email=NEW)
    browser.get(link_in(mail_to(NEW)))
    answer = browser.post("/confirm-email")
    assert answer.status_code == 422
    assert f"Another account has {NEW} by now, so yours stays as it is." in answer.content.decode()
    assert stored(cast.viewer).email == OLD


@pytest.mark.django_db(transaction=True)
def test_of_two_who_confirm_the_same_address_at_once_one_gets_it(cast):
    people = (cast.viewer, cast.manager, cast.researcher)
    asked = [(user, token_of(ask(user))) for user in people] * 3
    calls = [lambda user=user, token=token: confirm(user, token) for user, token in asked]
    answers = at_once(*calls)
    assert len([answer for answer in answers if isinstance(answer, User)]) == 1
    assert {type(answer) for answer in answers} <= {User, Conflict, NotFound}
    assert User.objects.filter(email=NEW).count() == 1


def test_an_administrators_change_applies_at_once_and_both_addresses_are_notified(cast, admin, on_commit):
    ask(cast.viewer)
    OutgoingMail.objects.all().delete()
    with on_commit():
        assert admin.patch(f"/api/users/{cast.viewer.pk}", {"email": NEW}).status_code == 200
    assert stored(cast.viewer).email == NEW
    assert mails() == {(OLD, "Your e-mail address was changed"), (NEW, "Your e-mail address was changed")}
    assert not EmailChange.objects.exists()
    mail.outbox.clear()
    with on_commit():
        admin.patch(f"/api/users/{cast.viewer.pk}", {"first_name": "Vera", "email": NEW})
    assert mail.outbox == []


def test_who_may_change_users_changes_their_own_through_the_api_and_others_may_not(cast, admin, viewer):
    assert admin.patch(f"/api/users/{cast.admin.pk}", {"email": "me@lab.example"}).status_code == 200
    assert stored(cast.admin).email == "me@lab.example"
    assert viewer.patch(f"/api/users/{cast.viewer.pk}", {"email": NEW}).status_code == 403


def test_erasing_a_person_takes_the_address_they_never_confirmed(cast):
    person = make_user("quintilla", "viewer")
    ask(person, "quilla.at.home@lab.example")
    with audit_rows() as rows:
        erase_personal_data(actor=cast.admin, user_id=person.pk)
    assert not EmailChange.objects.exists()
    assert not OutgoingMail.objects.filter(user=person).exists()
    assert rows
    text = str(list(type(rows[0]).objects.values())).lower()
    assert "quilla.at.home" not in text
