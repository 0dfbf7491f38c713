"""Mails to users. They leave once the change that they tell of is committed."""

import logging

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User

logger = logging.getLogger(__name__)


class LinkTokens(PasswordResetTokenGenerator):
    """Tokens of links, spent by a new password or address; a sign-in meanwhile leaves them good."""

    key_salt = "accounts.mail.LinkTokens"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{user.pk} {user.password} {user.email} {timestamp}"


link_tokens = LinkTokens()


def send_invitation(user: User) -> None:
    """Mail a new user the link to choose a password."""
    _send_link(user, "Your account", "emails/invitation.txt")


def send_reset_link(user: User) -> None:
    """Mail a user the link to choose a new password."""
    _send_link(user, "Choose a new password", "emails/password_reset.txt")


def is_good_link(user: User, link_token: str) -> bool:
    """Whether a link's token is genuine, young and unspent: it is bound to the present password."""
    return link_tokens.check_token(user, link_token)


def _send_link(user: User, subject: str, template: str) -> None:
    path = reverse(
        "set_password",
        args=[urlsafe_base64_encode(force_bytes(user.pk)), link_tokens.make_token(user)],
    )
    # Never from the Host header, which the caller chooses.
    link = settings.PUBLIC_URL + path
    hours = settings.PASSWORD_RESET_TIMEOUT // 3600
    text = render_to_string(template, {"user": user, "link": link, "hours": hours})
    transaction.on_commit(lambda: _send(user, subject, text))


def _send(user: User, subject: str, text: str) -> None:
    try:
        send_mail(f"Reprotech: {subject}", text, None, [user.email])
    except OSError as error:
        # The change is made; the mail can be asked for again.
        logger.error("Mail to user %s was not sent: %s", user.pk, error)
