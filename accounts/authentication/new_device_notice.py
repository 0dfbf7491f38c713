"""E-mails about sign-ins from devices that a user hasn't used before."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts.core.client_networks import client_network
from accounts.models import Session
from accounts.notifications.services import send_notice
from accounts.sessions.user_agent import browser_family, safe_client_name
from accounts.throttling import known_devices

#: Earlier sign-ins that a new one is compared with.
LOOKBACK = timedelta(days=90)
MAX_COMPARED_SESSIONS = 200
#: More would say nothing new, and hide what matters.
MAX_NOTICES_PER_DAY = 5


def send_new_device_notice(session: Session) -> None:
    """E-mail the user of a new session if its device is unknown. Part of the sign-in's transaction."""
    if not settings.NEW_DEVICE_MAILS or is_known_device(session):
        return
    # The user's row is locked: two sign-ins at once don't exceed the limit.
    announced = Session.objects.filter(
        user_id=session.user_id, was_announced=True, created_at__gt=session.created_at - timedelta(days=1)
    )
    if announced.count() >= MAX_NOTICES_PER_DAY:
        return
    session.was_announced = True
    session.save(update_fields=["was_announced"])
    send_notice(
        session.user,
        "new_sign_in",
        client=safe_client_name(session.user_agent),
        place=session.ip_address or "",
        moment=f"{session.created_at:%-d %B %Y, %H:%M} UTC",
        by_token=session.kind == Session.Kind.TOKEN,
    )


def is_known_device(session: Session) -> bool:
    """Whether the user signed in before with this browser, by its cookie, or with such a one from this network."""
    if known_devices.known_browser(session.user):
        return True
    earlier = Session.objects.filter(user_id=session.user_id).exclude(pk=session.pk)
    recent = earlier.filter(kind=session.kind, last_used_at__gt=timezone.now() - LOOKBACK)
    devices = recent.latest_used_first().values_list("ip_address", "user_agent")[:MAX_COMPARED_SESSIONS]
    current = _device(session.kind, session.ip_address, session.user_agent)
    # The very first sign-in counts as known: there is nothing to compare it with.
    return any(_device(session.kind, *device) == current for device in devices) or not earlier.exists()


def _device(kind: str, address: str | None, user_agent: str) -> tuple[str, str]:
    program = browser_family(user_agent) if kind == Session.Kind.PAGE else user_agent
    return client_network(address or ""), program
