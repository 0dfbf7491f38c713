"""E-mail messages to users, which the outbox sends once the present transaction is committed."""

from collections.abc import Iterable, Mapping

from django.db.models import F

from accounts.core.default_admin_address import WITHHELD_MESSAGE, is_withheld
from accounts.core.period_notices import described_start
from accounts.models import EmailChange, OutgoingMail, User
from accounts.notifications import outbox
from reprotech.core.exceptions import ValidationFailed

#: Templates with a link to choose a new password.
RESET_TEMPLATES = ("password_reset", "password_forgotten")


def send_invitations(users: Iterable[User]) -> None:
    """Raises ValidationFailed for an address that gets no mail."""
    mails = [_mail("invitation", user, context=_beginning(user)) for user in users]
    for mail in mails:
        _refuse_withheld(mail.address)
    outbox.enqueue(mails)


def _beginning(user: User) -> dict[str, object]:
    return {"begins": described_start(user.starts_at)} if user.is_pending and user.starts_at else {}


def discard_invitations(user: User) -> None:
    """Drop invitations that are not sent yet."""
    OutgoingMail.objects.filter(user=user, letter="invitation").delete()


def send_reset_link(user: User, letter: str = "password_reset") -> None:
    """Send a link to choose a new password. Earlier links become void, sent or not."""
    # In SQL: of two requests at once neither is lost.
    User.objects.filter(pk=user.pk).update(link_number=F("link_number") + 1, invited_at=None)
    OutgoingMail.objects.filter(user=user, letter__in=RESET_TEMPLATES).delete()
    outbox.enqueue([_mail(letter, user)])


def send_address_confirmation(change: EmailChange) -> None:
    """Send the link that confirms a new address to that address, and a notice to the old one.

    Raises ValidationFailed for an address that gets no mail.
    """
    _refuse_withheld(change.address)
    context = {"new": change.address}
    if change.is_present:
        outbox.enqueue([_mail("present_email_confirmation", change.user, change.address)])
        return
    outbox.enqueue(
        [
            _mail("email_confirmation", change.user, change.address),
            _mail("email_change_asked", change.user, context=context),
        ]
    )


def send_email_changed(user: User, old: str) -> None:
    """Notify both addresses that the new one has replaced the old one."""
    context = {"old": old, "new": user.email}
    # The old one too: its owner must learn of a change that an intruder made.
    outbox.enqueue([_mail("email_changed", user, address, context) for address in (old, user.email)])


def send_notice(user: User, letter: str, *, address: str = "", **context: object) -> None:
    """Notify a user of a change of their account, within its transaction.

    `context`, the template's variables, is stored until the message is sent: no secret may be in it.
    """
    outbox.enqueue([_mail(letter, user, address, context)])


def _refuse_withheld(address: str) -> None:
    # Notices are just not sent. But someone would wait for a link, so the sender must know.
    if is_withheld(address):
        raise ValidationFailed({"email": [WITHHELD_MESSAGE]})


def _mail(letter: str, user: User, address: str = "", context: Mapping[str, object] | None = None) -> OutgoingMail:
    # With the address as it is now: a later change must not redirect the message.
    return OutgoingMail(user=user, address=address or user.email, letter=letter, context=dict(context or {}))
