"""What mails say, and the links in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import OutgoingMail, User


@dataclass(frozen=True, slots=True)
class Letter:
    """A kind of mail: its subject, its template, and whether it carries a link to choose a password."""

    subject: str
    template: str
    has_link: bool = False


LETTERS: Mapping[str, Letter] = {
    "invitation": Letter("Your account", "emails/invitation.txt", has_link=True),
    "password_reset": Letter("Choose a new password", "emails/password_reset.txt", has_link=True),
    "key_created": Letter("A new API key for your account", "emails/key_created.txt"),
    "new_sign_in": Letter("A sign-in from a new device", "emails/new_sign_in.txt"),
    "factor_added": Letter("A second factor was added", "emails/factor_added.txt"),
    "factor_removed": Letter("A second factor was removed", "emails/factor_removed.txt"),
    "factors_reset": Letter("Your second factors were removed", "emails/factors_reset.txt"),
    "recovery_code_used": Letter("A recovery code was used", "emails/recovery_code_used.txt"),
    "recovery_codes_renewed": Letter("You have new recovery codes", "emails/recovery_codes_renewed.txt"),
}


class LinkTokens(PasswordResetTokenGenerator):
    """Tokens of links, spent by a new password or address; a sign-in meanwhile leaves them good."""

    key_salt = "accounts.letters.LinkTokens"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{user.pk} {user.password} {user.email} {timestamp}"


link_tokens = LinkTokens()


def is_good_link(user: User, link_token: str) -> bool:
    """Whether a link's token is genuine, young and unspent: it is bound to the present password."""
    return link_tokens.check_token(user, link_token)


def write(mail: OutgoingMail) -> EmailMultiAlternatives:
    """The mail as it leaves, as text and as HTML."""
    letter, user = LETTERS[mail.letter], mail.user
    context: dict[str, Any] = {
        **mail.context,
        "user": user,
        "link": _link(user) if letter.has_link else "",
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
    }
    text = render_to_string(letter.template, context).strip()
    message = EmailMultiAlternatives(f"Reprotech: {letter.subject}", text, None, [mail.address])
    paragraphs = [(part, part.startswith(settings.PUBLIC_URL)) for part in text.split("\n\n")]
    html = render_to_string("emails/layout.html", {"subject": letter.subject, "paragraphs": paragraphs})
    message.attach_alternative(html, "text/html")
    return message


def _link(user: User) -> str:
    # Never from the Host header, which the caller chooses.
    place = [urlsafe_base64_encode(force_bytes(user.pk)), link_tokens.make_token(user)]
    return settings.PUBLIC_URL + reverse("set_password", args=place)
