"""Devices without a browser, whose code a signed-in person types on the page `/device` (RFC 8628, section 3.3)."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import Session
from accounts.throttling import rate_limits
from audit.models import Action
from audit.services import record
from reprotech.core.exceptions import Conflict, NotFound
from reprotech.core.request_context import current_origin
from sso.exceptions import ApplicationNotOpen
from sso.models import Application, DeviceRequest
from sso.models.querysets import DeviceRequestQuerySet
from sso.sign_ins.secrets import DEVICE_CODE_PREFIX, hash_secret, new_secret

REQUEST_LIFETIME = timedelta(minutes=10)
#: Without vowels, so that no words come of it, and without digits, which are mistaken for letters (section 6.1).
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH = 8
MAX_TYPED_LENGTH = 40
#: Seconds between two polls, what is added for each that comes too early (RFC 8628, section 3.5), and the most.
INTERVAL, INTERVAL_STEP, MAX_INTERVAL = 5, 5, 60
#: Completes "There is no such ...".
NO_REQUEST = "code, or it has expired: start again on the device"


def new_user_code() -> str:
    """Such as "WDJB-MJHT": 34 bits, for as many guesses as the page allows within ten minutes."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def hash_user_code(typed: str) -> str:
    """Whatever the case, and with or without the hyphen and spaces that people type."""
    return hash_secret("".join(letter for letter in typed.upper() if letter.isalnum()))


def start_device_request(*, application: Application, scope: str) -> tuple[str, str]:
    """A new request of the device that calls; returns what it polls with, and what it shows. Only hashes are stored."""
    device_code, user_code, now = new_secret(DEVICE_CODE_PREFIX), new_user_code(), timezone.now()
    DeviceRequest.objects.create(
        device_hash=hash_secret(device_code),
        user_code_hash=hash_user_code(user_code),
        application=application,
        scope=scope,
        created_at=now,
        expires_at=now + REQUEST_LIFETIME,
        ip_address=current_origin().ip_address or None,
    )
    return device_code, user_code


def poll_device_request(*, device_code: str, application: Application) -> DeviceRequest | None:
    """The locked request of the device that asks whether it was answered; None if it is none, or was used."""
    requests = DeviceRequest.objects.filter(device_hash=hash_secret(device_code), application=application)
    locked = requests.select_related("application", "session__user").select_for_update(of=("self",))
    return locked.filter(used_at__isnull=True).first()


def is_too_early(request: DeviceRequest) -> bool:
    """Whether a device asks sooner than it may; from then on it must wait five seconds longer."""
    now = timezone.now()
    before, request.last_polled_at = request.last_polled_at, now
    is_early = before is not None and now - before < timedelta(seconds=request.interval)
    if is_early:
        request.interval = min(request.interval + INTERVAL_STEP, MAX_INTERVAL)
    request.save(update_fields=["last_polled_at", "interval"])
    return is_early


def mark_used(request: DeviceRequest) -> None:
    request.used_at = timezone.now()
    request.save(update_fields=["used_at"])


def find_device_request(*, session: Session, user_code: str) -> DeviceRequest:
    """The waiting request of this code; raises NotFound, or TooManyAttempts for who guesses."""
    # Each look counts, also of codes that exist: what is right must not be told by what is free.
    rate_limits.count("device_code", str(session.user_id))
    found = _waiting().filter(user_code_hash=hash_user_code(user_code[:MAX_TYPED_LENGTH])).first()
    if found is None:
        raise NotFound(NO_REQUEST)
    return found


@transaction.atomic
def decide_device_request(*, session: Session, user_code: str, is_approved: bool) -> DeviceRequest:
    """Approve or refuse a device in the session's name. Of two people who type one code the first decides."""
    request = find_device_request(session=session, user_code=user_code)
    locked = _waiting().select_for_update(of=("self",)).filter(pk=request.pk).first()
    if locked is None:
        raise Conflict("Someone has answered this request already. Start again on the device.")
    if is_approved and not locked.application.is_open_to(session.user):
        raise ApplicationNotOpen(locked.application)
    locked.user, locked.session = session.user, session
    locked.decided = DeviceRequest.Decision.APPROVED if is_approved else DeviceRequest.Decision.DENIED
    locked.save(update_fields=["user", "session", "decided"])
    if not is_approved:
        _record_refusal(locked.application, session)
    return locked


def _waiting() -> DeviceRequestQuerySet:
    return DeviceRequest.objects.waiting().select_related("application").order_by("-pk")


def _record_refusal(application: Application, session: Session) -> None:
    # Someone else's device may have asked them.
    record(
        actor=session.user,
        action=Action.APP_DENIED,
        resource="application",
        resource_id=application.pk,
        resource_name=application.name,
        success=False,
        session_id=session.pk,
        reason="They refused to sign a device in.",
    )
