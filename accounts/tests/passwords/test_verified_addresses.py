"""An e-mail address counts as verified once a link that was mailed to it has been used."""

import re

import pytest
from django.core import mail

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.notifications.links import address_tokens, handed_tokens, invitation_tokens, reset_tokens
from accounts.passwords.services import set_password_by_link
from accounts.profile.email_change import confirm_email_change, request_confirmation, request_email_change
from accounts.throttling import rate_limits
from accounts.users.services import update_user
from audit.presentation.event_text import sentence
from reprotech.core.exceptions import Conflict, NotFound
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import page_client

pytestmark = pytest.mark.django_db

NEW = "Other-Horse-8"


def is_verified(user):
    return User.objects.get(pk=user.pk).email_verified_at is not None


def use_link(user, tokens):
    user = User.objects.get(pk=user.pk)
    set_password_by_link(user_id=user.pk, link_token=tokens.make_token(user), new_password=NEW)


def test_a_new_account_is_not_verified(cast):
    assert not is_verified(cast.viewer)


@pytest.mark.parametrize("tokens", [invitation_tokens, reset_tokens])
def test_a_mailed_link_proves_the_address(cast, tokens):
    user = make_user("fresh", "viewer", password=None)
    use_link(user, tokens)
    assert is_verified(user)


def test_a_link_that_an_administrator_handed_over_does_not(cast):
    user = make_user("fresh", "viewer", password=None)
    use_link(user, handed_tokens)
    assert not is_verified(user)


def test_another_address_has_to_be_proven_again(cast):
    use_link(cast.viewer, reset_tokens)
    user = User.objects.get(pk=cast.viewer.pk)
    update_user(actor=SYSTEM, user_id=user.pk, email="other@lab.example")
    assert not is_verified(user)


def test_a_confirmed_address_is_proven(cast):
    change = request_email_change(actor=cast.viewer, email="new@lab.example")
    assert not is_verified(cast.viewer)
    confirm_email_change(user_id=cast.viewer.pk, link_token=address_tokens.make_token(change))
    assert is_verified(cast.viewer)


def test_people_confirm_the_address_that_they_have(cast):
    with audit_rows() as rows:
        asked = request_confirmation(actor=cast.viewer)
        assert not is_verified(cast.viewer)
        confirm_email_change(user_id=cast.viewer.pk, link_token=address_tokens.make_token(asked))
    assert is_verified(cast.viewer)
    assert User.objects.get(pk=cast.viewer.pk).email == cast.viewer.email
    assert [sentence(row) for row in rows] == [
        "the-viewer asked to confirm their e-mail address",
        "the-viewer confirmed their e-mail address",
    ]
    with pytest.raises(NotFound):
        confirm_email_change(user_id=cast.viewer.pk, link_token=address_tokens.make_token(asked))
    with pytest.raises(Conflict, match="confirmed already"):
        request_confirmation(actor=cast.viewer)


def test_an_address_that_was_asked_for_goes_first(cast):
    request_email_change(actor=cast.viewer, email="new@lab.example")
    with pytest.raises(Conflict, match=r"new@lab\.example"):
        request_confirmation(actor=cast.viewer)


def test_the_link_is_void_once_an_administrator_gave_another_address(cast):
    asked = request_confirmation(actor=cast.viewer)
    token = address_tokens.make_token(asked)
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, email="other@lab.example")
    with pytest.raises(NotFound):
        confirm_email_change(user_id=cast.viewer.pk, link_token=token)
    assert not is_verified(cast.viewer)


def test_the_way_on_the_pages(cast, settings, django_capture_on_commit_callbacks):
    settings.RATE_LIMIT_ENABLED = True
    rate_limits.reset()
    browser = page_client(cast.viewer)
    assert "Confirm address" in browser.get("/profile").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(6):  # the last is one too many, and voids nothing
            assert browser.post("/profile/email/confirm").url == "/profile"
    page = browser.get("/profile").content.decode()
    assert "Too many attempts" in page
    assert "waits to be confirmed" in page
    assert "Your address stays as it is" not in page
    assert {message.subject for message in mail.outbox} == {"Reprotech: Confirm your e-mail address"}
    browser.get(re.search(r"/confirm-email/\S+", mail.outbox[-1].body)[0])
    assert "is the address of the account" in browser.get("/confirm-email").content.decode()
    assert browser.post("/confirm-email").url == "/profile"
    page = browser.get("/profile").content.decode()
    assert f"Your address {cast.viewer.email} is confirmed." in page
    assert "Confirm address" not in page
    shown = page_client(cast.admin).get(f"/users/{cast.viewer.pk}").content.decode()
    assert "Not confirmed" not in shown
    assert "Confirmed " in shown
