"""An e-mail address counts as verified once a link that was mailed to it has been used."""

import pytest

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.notifications.links import address_tokens, handed_tokens, invitation_tokens, reset_tokens
from accounts.passwords.services import set_password_by_link
from accounts.profile.email_change import confirm_email_change, request_email_change
from accounts.users.services import update_user
from reprotech.testing.cast import make_user

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
