"""Writes of the first-start checklist: a test mail, and dismissing it."""

import logging

from django.conf import settings
from django.core.mail import get_connection

from accounts.access.authorization import authorize, service
from accounts.core.default_admin_address import WITHHELD_MESSAGE, is_withheld
from accounts.models import OutgoingMail, User
from accounts.notifications.messages import render
from accounts.permissions import SETTINGS_UPDATE
from accounts.throttling import rate_limits
from analytics.first_start.checklist import DISMISSED, MAIL_TESTED
from audit.models import Action
from audit.services import record
from reprotech.core.exceptions import Conflict

logger = logging.getLogger(__name__)

#: They take every message and deliver none.
NO_SERVERS = frozenset(f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy"))


def send_test_mail(*, actor: User) -> str:
    """Send a message to the actor at once, and return its address. Raises Conflict with what went wrong."""
    _authorize(actor=actor)
    if settings.EMAIL_BACKEND in NO_SERVERS:
        raise Conflict("No mail server is set, so no mail leaves this server. EMAIL_URL sets one.")
    if is_withheld(actor.email):
        raise Conflict(WITHHELD_MESSAGE)
    rate_limits.count("test_mail", str(actor.pk))
    message = render(OutgoingMail(user=actor, address=actor.email, letter="test"))
    try:
        # Outside of a transaction, since a mail server may take seconds to answer.
        get_connection().send_messages([message] if message else [])
    except Exception as error:  # noqa: BLE001 (whatever fails on the way to the mail server)
        logger.error("The test mail was not sent: %s", type(error).__name__)
        _record_failed_mail(actor=actor, reason=f"It was not sent: {type(error).__name__}.")
        raise Conflict(f"The test mail was not sent. {type(error).__name__}: {error}"[:300]) from None
    _record_mail(actor=actor)
    return actor.email


@service
def dismiss_checklist(*, actor: User) -> None:
    """Never show the actor the checklist again."""
    authorize(actor, SETTINGS_UPDATE)
    record(actor=actor, action=Action.UPDATE, resource="settings", resource_id=DISMISSED.format(actor.pk))


@service
def _authorize(*, actor: User) -> None:
    authorize(actor, SETTINGS_UPDATE)


@service
def _record_mail(*, actor: User) -> None:
    record(actor=actor, action=Action.UPDATE, resource="settings", resource_id=MAIL_TESTED, sent_to=actor.email)


@service
def _record_failed_mail(*, actor: User, reason: str) -> None:
    record(
        actor=actor, action=Action.UPDATE, resource="settings", resource_id=MAIL_TESTED, success=False, reason=reason
    )
