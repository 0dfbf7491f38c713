"""Mails to users. The outbox sends them once the change that they tell of is committed."""

from collections.abc import Iterable, Mapping
from typing import Any

from accounts import outbox
from accounts.models import OutgoingMail, User


def send_invitations(users: Iterable[User]) -> None:
    """Mail new users the link to choose a password."""
    outbox.put([_mail("invitation", user) for user in users])


def send_reset_link(user: User) -> None:
    """Mail a user the link to choose a new password."""
    outbox.put([_mail("password_reset", user)])


def send_notice(user: User, letter: str, *, address: str = "", **context: Any) -> None:
    """Mail a user about something that happened to their account; `context` is what the letter's text needs.

    Call it in the transaction of what happened. It is kept in the database until it is sent: no secret may be in it.
    """
    outbox.put([_mail(letter, user, address, context)])


def _mail(letter: str, user: User, address: str = "", context: Mapping[str, Any] | None = None) -> OutgoingMail:
    return OutgoingMail(user=user, address=address or user.email, letter=letter, context=dict(context or {}))
