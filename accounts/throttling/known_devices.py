"""Known devices: browsers and addresses from which a user signed in before.

A browser is known by a signed cookie. It grants no access: it only keeps the failed attempts of strangers from counting
against its user. It is bound to the password, so that a new password makes every device unknown. An address is known by
the sessions that were opened from it.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from accounts.core.client_networks import client_network, parse_network
from accounts.models import Session, User
from accounts.models.querysets import SessionQuerySet
from reprotech.core.request_context import current_origin

#: A shared browser remembers the last few users; each takes 63 bytes of the cookie.
MAX_ACCOUNTS = 10
SEPARATOR = "."
IPV4 = 4
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def known_browser(user: User | None) -> str:
    """The id of the request's browser, if the user signed in with it since their last password; else ""."""
    # Also for an unknown name: it takes the same time.
    signer = _signer(user)
    for entry in _entries():
        try:
            return signer.unsign(entry, max_age=settings.KNOWN_DEVICE_LIFETIME)
        except BadSignature:
            continue
    return ""


def is_known_address(user: User | None) -> bool:
    """Whether the user signed in from the present request's address since their last password."""
    address = current_origin().ip_address or None
    changed_at = (user and user.password_changed_at) or NEVER
    since = max(timezone.now() - settings.KNOWN_DEVICE_LIFETIME, changed_at)
    # Also for an unknown name: it takes the same time.
    sessions = Session.objects.filter(user_id=user.pk if user else 0, created_at__gt=since)
    return _any_from(sessions, address) and address is not None


def _any_from(sessions: SessionQuerySet, address: str | None) -> bool:
    """Whether one of the sessions was opened from the network of an address."""
    network = parse_network(address or "")
    if network is None or network.version == IPV4:
        return sessions.filter(ip_address=address).exists()
    if connection.vendor == "postgresql":
        return sessions.filter(ip_address__gte=str(network[0]), ip_address__lte=str(network[-1])).exists()
    # SQLite stores addresses as text, where a network is no range.
    seen = sessions.exclude(ip_address=None).order_by().values_list("ip_address", flat=True).distinct()
    return any(client_network(known or "") == str(network) for known in seen)


def remember_browser(response: HttpResponse, user: User) -> None:
    """Make the browser known for a user who has just authenticated."""
    signer, name = _signer(user), known_browser(user)
    others = [entry for entry in _entries() if not name or not entry.startswith(f"{name}{signer.sep}")]
    entries = [signer.sign(name or secrets.token_urlsafe(9)), *others][:MAX_ACCOUNTS]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        SEPARATOR.join(entries),
        max_age=settings.KNOWN_DEVICE_LIFETIME,
        secure=settings.SSL_REQUIRED,
        httponly=True,
        samesite="Lax",
    )


def _entries() -> Iterator[str]:
    text = current_origin().device_cookie
    yield from text.split(SEPARATOR, MAX_ACCOUNTS)[:MAX_ACCOUNTS] if text else ()


def _signer(user: User | None) -> TimestampSigner:
    state = f"{user.pk} {user.password}" if user else "nobody"
    return TimestampSigner(salt=f"accounts.throttling.known_devices {state}")
