"""The kinds of e-mail messages, and their rendering."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import EmailChange, OutgoingMail
from accounts.models.mail import CONFIRMATION_LIFETIME
from accounts.notifications.links import address_link, invitation_tokens, password_link, reset_tokens
from reprotech.core.message_ids import make_message_id


@dataclass(frozen=True, slots=True)
class Link:
    """The link of a message: its button's label, its lifetime, and how to make it ("" if it is void already)."""

    label: str
    lifetime: timedelta
    make: Callable[[OutgoingMail], str]


def _invitation(mail: OutgoingMail) -> str:
    return password_link(mail.user, invitation_tokens)


def _reset(mail: OutgoingMail) -> str:
    return password_link(mail.user, reset_tokens) if mail.user.can_sign_in else ""


def _confirmation(mail: OutgoingMail) -> str:
    change = EmailChange.objects.select_related("user").filter(user=mail.user, address=mail.address).first()
    return address_link(change) if change and change.is_open else ""


#: By kind of message, whose text is the template `emails/<kind>.txt`.
SUBJECTS: Mapping[str, str] = {
    "invitation": "Your account",
    "invitation_withdrawn": "Your invitation was withdrawn",
    "invitation_link_made": "A link to your account was made",
    "password_reset": "Choose a new password",
    "password_forgotten": "Choose a new password",
    "password_changed": "Your password was changed",
    "email_confirmation": "Confirm your e-mail address",
    "present_email_confirmation": "Confirm your e-mail address",
    "email_change_asked": "A new e-mail address for your account",
    "email_changed": "Your e-mail address was changed",
    "key_created": "A new API key for your account",
    "new_sign_in": "A sign-in from a new device",
    "factor_added": "A second factor was added",
    "factor_removed": "A second factor was removed",
    "factors_reset": "Your second factors were removed",
    "recovery_code_used": "A recovery code was used",
    "recovery_codes_renewed": "You have new recovery codes",
    "review_opened": "An access review waits for you",
    "review_due": "An access review ends soon",
    "review_overdue": "An access review is overdue",
    "access_ends": "Your access ends soon",
    "access_ends_of_other": "Access that you gave ends soon",
    "access_requested": "A request for access waits for you",
    "access_request_granted": "Your request was granted",
    "access_request_declined": "Your request was declined",
    "access_request_expired": "Your request has ended",
    "test": "Test mail",
}
CONFIRMATION_LINK = Link("Confirm this address", CONFIRMATION_LIFETIME, _confirmation)
RESET_LINK = Link("Choose a new password", settings.RESET_LIFETIME, _reset)
LINKS: Mapping[str, Link] = {
    "invitation": Link("Choose your password", settings.INVITATION_LIFETIME, _invitation),
    "password_reset": RESET_LINK,
    "password_forgotten": RESET_LINK,
    "email_confirmation": CONFIRMATION_LINK,
    "present_email_confirmation": CONFIRMATION_LINK,
}


def render(mail: OutgoingMail) -> EmailMultiAlternatives | None:
    """The message as text and as HTML; None if its link is void."""
    kind, link = LINKS.get(mail.letter), ""
    context: dict[str, object] = {**mail.context, "user": mail.user}
    if kind:
        # Made when it is sent: no table ever holds a token.
        link = kind.make(mail)
        if not link:
            return None
        context |= {"link": link, "within": humanize_lifetime(kind.lifetime)}
    text = render_to_string(f"emails/{mail.letter}.txt", context).strip()
    # So that no absence note answers it (RFC 3834).
    headers = {"Auto-Submitted": "auto-generated", "Message-ID": make_message_id()}
    subject = SUBJECTS[mail.letter]
    full_subject = f"{settings.LAB_NAME or 'Reprotech'}: {subject}"
    message = EmailMultiAlternatives(full_subject, text, None, [mail.address], headers=headers)
    html = {
        "subject": subject,
        "label": kind.label if kind else "",
        "paragraphs": [(part, bool(link) and part == link) for part in text.split("\n\n")],
    }
    message.attach_alternative(render_to_string("emails/layout.html", html), "text/html")
    return message


def humanize_lifetime(lifetime: timedelta) -> str:
    """`1 hour`, `24 hours`, `3 days`."""
    hours = int(lifetime.total_seconds() // 3600)
    number, unit = (hours, "hour") if hours <= 24 else (hours // 24, "day")  # noqa: PLR2004 (a day)
    return f"{number} {unit}{'' if number == 1 else 's'}"
