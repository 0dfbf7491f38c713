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


@dataclass(frozen=True, slots=True)
class EmailTemplate:
    subject: str
    template: str
    link: Link | None = None


def _invitation(mail: OutgoingMail) -> str:
    return password_link(mail.user, invitation_tokens)


def _reset(mail: OutgoingMail) -> str:
    return password_link(mail.user, reset_tokens) if mail.user.can_sign_in else ""


def _confirmation(mail: OutgoingMail) -> str:
    change = EmailChange.objects.select_related("user").filter(user=mail.user, address=mail.address).first()
    return address_link(change) if change and change.is_open else ""


RESET_LINK = Link("Choose a new password", settings.RESET_LIFETIME, _reset)

EMAIL_TEMPLATES: Mapping[str, EmailTemplate] = {
    "invitation": EmailTemplate(
        "Your account",
        "emails/invitation.txt",
        Link("Choose your password", settings.INVITATION_LIFETIME, _invitation),
    ),
    "password_reset": EmailTemplate("Choose a new password", "emails/password_reset.txt", RESET_LINK),
    "password_forgotten": EmailTemplate("Choose a new password", "emails/password_forgotten.txt", RESET_LINK),
    "password_changed": EmailTemplate("Your password was changed", "emails/password_changed.txt"),
    "email_confirmation": EmailTemplate(
        "Confirm your e-mail address",
        "emails/email_confirmation.txt",
        Link("Confirm this address", CONFIRMATION_LIFETIME, _confirmation),
    ),
    "email_change_asked": EmailTemplate("A new e-mail address for your account", "emails/email_change_asked.txt"),
    "email_changed": EmailTemplate("Your e-mail address was changed", "emails/email_changed.txt"),
    "key_created": EmailTemplate("A new API key for your account", "emails/key_created.txt"),
    "new_sign_in": EmailTemplate("A sign-in from a new device", "emails/new_sign_in.txt"),
    "factor_added": EmailTemplate("A second factor was added", "emails/factor_added.txt"),
    "factor_removed": EmailTemplate("A second factor was removed", "emails/factor_removed.txt"),
    "factors_reset": EmailTemplate("Your second factors were removed", "emails/factors_reset.txt"),
    "recovery_code_used": EmailTemplate("A recovery code was used", "emails/recovery_code_used.txt"),
    "recovery_codes_renewed": EmailTemplate("You have new recovery codes", "emails/recovery_codes_renewed.txt"),
}


def render(mail: OutgoingMail) -> EmailMultiAlternatives | None:
    """The message as text and as HTML; None if its link is void."""
    template = EMAIL_TEMPLATES[mail.letter]
    # Made when it is sent: no table ever holds a token.
    link = template.link.make(mail) if template.link else ""
    if template.link and not link:
        return None
    context: dict[str, object] = {**mail.context, "user": mail.user, "link": link}
    if template.link:
        context["within"] = humanize_lifetime(template.link.lifetime)
    text = render_to_string(template.template, context).strip()
    # So that no absence note answers it (RFC 3834).
    headers = {"Auto-Submitted": "auto-generated", "Message-ID": make_message_id()}
    message = EmailMultiAlternatives(f"Reprotech: {template.subject}", text, None, [mail.address], headers=headers)
    html = {
        "subject": template.subject,
        "label": template.link.label if template.link else "",
        "paragraphs": [(part, bool(link) and part == link) for part in text.split("\n\n")],
    }
    message.attach_alternative(render_to_string("emails/layout.html", html), "text/html")
    return message


def humanize_lifetime(lifetime: timedelta) -> str:
    """`1 hour`, `24 hours`, `3 days`."""
    hours = int(lifetime.total_seconds() // 3600)
    number, unit = (hours, "hour") if hours <= 24 else (hours // 24, "day")  # noqa: PLR2004 (a day)
    return f"{number} {unit}{'' if number == 1 else 's'}"
