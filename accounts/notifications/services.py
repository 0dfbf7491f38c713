"""Mails to users. The outbox sends them once the change that they tell of is committed."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import F

from accounts.core.default_admin_address import WITHHELD_MESSAGE, is_withheld
from accounts.models import EmailChange, OutgoingMail, User
from accounts.notifications import outbox
from reprotech.core.exceptions import ValidationFailed

#: Mails with a link to choose a new password.
RESET_TEMPLATES = ("password_reset", "password_forgotten")


def send_invitations(users: Iterable[User]) -> None:
    """Mail new users the link to choose a password. Raises ValidationFailed for an address that gets no mail."""
    mails = [_mail("invitation", user) for user in users]
    for mail in mails:
        _refuse_withheld(mail.address)
    outbox.enqueue(mails)


def send_reset_link(user: User, letter: str = "password_reset") -> None:
    """Mail a user the link to choose a new password. Those sent before are good no longer, whether they left or not."""
    User.objects.filter(pk=user.pk).update(link_number=F("link_number") + 1)
    OutgoingMail.objects.filter(user=user, letter__in=RESET_TEMPLATES).delete()
    outbox.enqueue([_mail(letter, user)])


def send_address_confirmation(change: EmailChange) -> None:
    """Mail the link that confirms a new address to that address, and tell the old one.

    Raises ValidationFailed for an address that gets no mail.
    """
    _refuse_withheld(change.address)
    told = {"new": change.address}
    outbox.enqueue(
        [
            _mail("email_confirmation", change.user, change.address),
            _mail("email_change_asked", change.user, context=told),
        ]
    )


def send_email_changed(user: User, old: str) -> None:
    """Mail a user, at both addresses, that the new one has replaced the old one."""
    told = {"old": old, "new": user.email}
    outbox.enqueue([_mail("email_changed", user, address, told) for address in (old, user.email)])


def send_notice(user: User, letter: str, *, address: str = "", **context: Any) -> None:
    """Mail a user about something that happened to their account; `context` is what the letter's text needs.

    Call it in the transaction of what happened. It is kept in the database until it is sent: no secret may be in it.
    """
    outbox.enqueue([_mail(letter, user, address, context)])


def _refuse_withheld(address: str) -> None:
    """Of notices it is enough that they don't leave; with a link that doesn't, its recipient would wait for it."""
    if is_withheld(address):
        raise ValidationFailed({"email": [WITHHELD_MESSAGE]})


def _mail(letter: str, user: User, address: str = "", context: Mapping[str, Any] | None = None) -> OutgoingMail:
    return OutgoingMail(user=user, address=address or user.email, letter=letter, context=dict(context or {}))
