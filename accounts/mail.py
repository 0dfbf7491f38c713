"""Mails to users. They leave once the change that they tell of is committed."""

import logging
from collections.abc import Iterable
from threading import Thread

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User

logger = logging.getLogger(__name__)

#: More mails than this leave while the request goes on.
SENT_AT_ONCE = 5

Letter = tuple[int, EmailMessage]


class LinkTokens(PasswordResetTokenGenerator):
    """Tokens of links, spent by a new password or address; a sign-in meanwhile leaves them good."""

    key_salt = "accounts.mail.LinkTokens"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{user.pk} {user.password} {user.email} {timestamp}"


link_tokens = LinkTokens()


def send_invitations(users: Iterable[User]) -> None:
    """Mail new users the link to choose a password."""
    _send_links(users, "Your account", "emails/invitation.txt")


def send_reset_link(user: User) -> None:
    """Mail a user the link to choose a new password."""
    _send_links([user], "Choose a new password", "emails/password_reset.txt")


def is_good_link(user: User, link_token: str) -> bool:
    """Whether a link's token is genuine, young and unspent: it is bound to the present password."""
    return link_tokens.check_token(user, link_token)


def _send_links(users: Iterable[User], subject: str, template: str) -> None:
    letters = [(user.pk, _link_mail(user, subject, template)) for user in users]
    transaction.on_commit(lambda: _send_soon(letters))


def _link_mail(user: User, subject: str, template: str) -> EmailMessage:
    path = reverse(
        "set_password",
        args=[urlsafe_base64_encode(force_bytes(user.pk)), link_tokens.make_token(user)],
    )
    # Never from the Host header, which the caller chooses.
    link = settings.PUBLIC_URL + path
    hours = settings.PASSWORD_RESET_TIMEOUT // 3600
    text = render_to_string(template, {"user": user, "link": link, "hours": hours})
    return EmailMessage(f"Reprotech: {subject}", text, None, [user.email])


def _send_soon(letters: list[Letter]) -> None:
    """Send a few mails now, and the many of an import while nobody waits."""
    if len(letters) > SENT_AT_ONCE:
        Thread(target=_send, args=[letters], name="mail").start()
    else:
        _send(letters)


def _send(letters: list[Letter]) -> None:
    connection = get_connection()
    for user_id, message in letters:
        try:
            connection.open()  # once for all of them
            connection.send_messages([message])
        except OSError as error:
            # The change is made; the mail can be asked for again.
            logger.error("Mail to user %s was not sent: %s", user_id, error)
            connection = get_connection()
    connection.close()
