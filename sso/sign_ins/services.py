"""Sign-ins of people at applications: opened with a code, redeemed, renewed by refresh tokens, ended.

Code that changes a sign-in locks its row first. So of two requests with one code or refresh token the second sees what
the first did with it.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from django.db import transaction
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import services as session_services
from accounts.throttling import rate_limits
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import Actor, NamedActor
from reprotech.core.request_context import current_origin
from sso.models import Application, AppSignIn, DeviceRequest, EndReason, Subject
from sso.models.querysets import AppSignInQuerySet
from sso.sign_ins.notices import queue_notices
from sso.sign_ins.secrets import (
    ACCESS_TOKEN_PREFIX,
    REFRESH_TOKEN_PREFIX,
    family_of,
    hash_secret,
    new_family,
    new_refresh_token,
    new_secret,
)

CODE_LIFETIME = timedelta(seconds=60)
REFERENCE_VALUES = {"password": "pwd", "totp": "otp", "recovery_code": "otp", "passkey": "pop"}
OFFLINE_ACCESS = "offline_access"


@transaction.atomic
@explicitly_recorded()
def open_sign_in(
    *,
    application: Application,
    session: Session,
    code: str,
    scope: str,
    nonce: str,
    redirect_uri: str,
    code_challenge: str,
) -> AppSignIn:
    """Store a sign-in of the session's user that the application gets with `code`, within a minute."""
    now = timezone.now()
    sign_in = AppSignIn.objects.create(
        application=application,
        user=session.user,
        session=_bearer_of(session, scope),
        scope=scope,
        nonce=nonce,
        redirect_uri=redirect_uri,
        code_hash=hash_secret(code),
        code_challenge=code_challenge,
        code_expires_at=now + CODE_LIFETIME,
        auth_time=session.confirmed_at or session.created_at,
        amr=reference_values(session.authentication_methods),
    )
    record_login(sign_in, session)
    return sign_in


def _bearer_of(session: Session, scope: str) -> Session:
    """The session that the sign-in ends with: that of the page, or one of its own by `offline_access`."""
    if OFFLINE_ACCESS not in scope.split():
        return session
    # It expires with the code, and lives on from when the first tokens are issued.
    return session_services.open_app_session(page_session=session, expires_at=timezone.now() + CODE_LIFETIME)


def open_device_sign_in(*, request: DeviceRequest) -> AppSignIn | None:
    """The sign-in that a person approved on the page, within the token endpoint's transaction.

    None if what was approved doesn't hold any more: their session, the account, or a role that opens the application.
    """
    session = request.session
    if session is None or not session.is_alive:
        return None
    try:
        with transaction.atomic(), explicitly_recorded():
            sign_in = AppSignIn.objects.create(
                application=request.application,
                user=session.user,
                session=_bearer_of(session, request.scope),
                scope=request.scope,
                auth_time=session.confirmed_at or session.created_at,
                amr=reference_values(session.authentication_methods),
            )
            record_login(sign_in, session)
            if not is_valid(sign_in):
                raise _NotValid
    except _NotValid:
        return None
    return sign_in


class _NotValid(Exception):
    """Undoes the sign-in."""


def open_service_sign_in(*, application: Application, user: User, scope: str) -> AppSignIn:
    """A sign-in of the application itself, as its service account, within the token endpoint's transaction."""
    with explicitly_recorded():
        sign_in = AppSignIn.objects.create(application=application, user=user, scope=scope)
        record_login(sign_in, None)
    return sign_in


def record_login(sign_in: AppSignIn, session: Session | None) -> None:
    """The event of a new sign-in, by which the log also knows of what is made along with it."""
    Subject.objects.get_or_create(user_id=sign_in.user_id)
    record(
        actor=sign_in.user,
        action=Action.APP_LOGIN,
        resource="application",
        resource_id=sign_in.application_id,
        resource_name=sign_in.application.name,
        session_id=session.pk if session else None,
        scope=sign_in.scope,
        owner_id=sign_in.user_id,
    )


def reference_values(methods: Iterable[str]) -> list[str]:
    """`amr` (RFC 8176) of the words that a session has for how its user authenticated."""
    words = list(methods)
    values = [REFERENCE_VALUES[word] for word in words if word in REFERENCE_VALUES]
    # A passkey that is the only proof has verified its user by a PIN or a fingerprint.
    if len(words) > 1 or words == ["passkey"]:
        values.append("mfa")
    return list(dict.fromkeys(values))


def find_by_code(*, code: str, application: Application) -> AppSignIn | None:
    """The sign-in that this code opens now, locked. One that is used again was stolen, and ends its sign-in."""
    sign_in = _find_locked(application, code_hash=hash_secret(code))
    if sign_in is None or _is_foreign(sign_in, application, "A code of another application was sent."):
        return None
    if sign_in.code_used_at is not None:
        end_by_reuse(sign_in, EndReason.CODE_REUSE)
        return None
    is_open = sign_in.code_expires_at is not None and sign_in.code_expires_at > timezone.now()
    return sign_in if is_open and is_valid(sign_in) else None


def find_by_refresh_token(*, token: str, application: Application) -> AppSignIn | None:
    """The sign-in of a refresh token, locked. One that was used before was stolen, and ends its sign-in."""
    sign_in = _find_locked(application, refresh_hash=hash_secret(token))
    if sign_in is None:
        # Each says to which sign-in it belongs (RFC 9700, 4.14.2), so none that was used has to be kept.
        family = family_of(token)
        reused = _locked().filter(refresh_family_hash=hash_secret(family)).first() if family else None
        if reused:
            end_by_reuse(reused, EndReason.REFRESH_REUSE)
        return None
    if _is_foreign(sign_in, application, "A refresh token of another application was sent."):
        return None
    return sign_in if is_valid(sign_in) else None


def find_by_access_token(token: str) -> AppSignIn | None:
    """The valid sign-in of an access token that hasn't expired."""
    if not token.startswith(ACCESS_TOKEN_PREFIX):
        return None
    return _valid().filter(access_hash=hash_secret(token), access_expires_at__gt=timezone.now()).first()


def find_by_valid_refresh_token(token: str) -> AppSignIn | None:
    """The same of a refresh token, for questions: nothing is locked or used."""
    if not token.startswith(REFRESH_TOKEN_PREFIX):
        return None
    return _valid().select_related("session").filter(refresh_hash=hash_secret(token)).first()


def is_valid(sign_in: AppSignIn) -> bool:
    return _valid().filter(pk=sign_in.pk).exists()


@cache
def _valid() -> AppSignInQuerySet:
    return AppSignIn.objects.valid().select_related("application", "user__subject")


def issue_tokens(sign_in: AppSignIn, *, with_refresh_token: bool, used_token: str = "") -> tuple[str, str]:
    """New tokens of a locked sign-in, access and refresh (or ""); those before stop working.

    `used_token` is the refresh token that was sent for them: the new one is of its family.
    """
    now = timezone.now()
    if not sign_in.access_hash:
        # The code, if there was one, has done its work.
        sign_in.code_used_at = now if sign_in.code_hash else None
        if sign_in.session and sign_in.session.kind == Session.Kind.APP:
            session_services.keep_app_session(sign_in.session)
    access_token = new_secret(ACCESS_TOKEN_PREFIX)
    sign_in.access_hash = hash_secret(access_token)
    expires_at = now + timedelta(minutes=sign_in.application.access_token_minutes)
    ends_at = sign_in.user.ends_at
    sign_in.access_expires_at = expires_at if ends_at is None else min(expires_at, ends_at)
    refresh_token = ""
    if with_refresh_token:
        family = family_of(used_token) or new_family()
        refresh_token = new_refresh_token(family)
        sign_in.refresh_family_hash = hash_secret(family)
    sign_in.refresh_hash = hash_secret(refresh_token) if refresh_token else ""
    sign_in.last_used_at = now
    with explicitly_recorded():
        sign_in.save(
            update_fields=[
                *("code_used_at", "access_hash", "access_expires_at", "refresh_hash", "refresh_family_hash"),
                "last_used_at",
            ]
        )
    return access_token, refresh_token


@transaction.atomic
@explicitly_recorded()
def revoke_token(*, token: str, application: Application) -> None:
    """End what a token of this application stands for: a refresh token its sign-in, an access token itself."""
    digest = hash_secret(token)
    sign_ins = _locked().filter(application=application, ended_at__isnull=True)
    if sign_in := sign_ins.filter(refresh_hash=digest).first():
        mark_ended(sign_in, EndReason.REVOKED)
        _record_end(sign_in, EndReason.REVOKED)
    elif sign_in := sign_ins.filter(access_hash=digest).first():
        sign_in.access_expires_at = timezone.now()
        sign_in.save(update_fields=["access_expires_at"])


def end_by_reuse(sign_in: AppSignIn, reason: EndReason) -> None:
    """End a locked sign-in since another has what it gave out; the program's session may be a thief's."""
    if sign_in.ended_at is None:
        mark_ended(sign_in, reason)
        queue_notices([sign_in])
        _record_end(sign_in, reason, success=False)


def mark_ended(sign_in: AppSignIn, reason: EndReason) -> None:
    sign_in.ended_at, sign_in.end_reason = timezone.now(), reason
    with explicitly_recorded():
        sign_in.save(update_fields=["ended_at", "end_reason"])
        end_own_sessions([sign_in])


def end_own_sessions(sign_ins: Iterable[AppSignIn]) -> None:
    """End the sessions that sign-ins have for themselves alone (`offline_access`), as part of their end."""
    sessions = [sign_in.session for sign_in in sign_ins if sign_in.session]
    own = [session for session in sessions if session.kind == Session.Kind.APP]
    session_services.mark_ended(own, Session.EndReason.REVOKED)


def _record_end(sign_in: AppSignIn, reason: EndReason, *, success: bool = True) -> None:
    record(
        actor=sign_in.user,
        action=Action.LOGOUT,
        resource="application",
        resource_id=sign_in.application_id,
        resource_name=sign_in.application.name,
        success=success,
        session_id=sign_in.session_id,
        reason=reason.value,
        owner_id=sign_in.user_id,
    )


def record_refusal(application: Application, reason: str, *, actor: Actor | None = None) -> None:
    """An event to look at; at most one in a while for each application, person and address."""
    who = actor.pk if actor else ""
    if rate_limits.is_first_refusal(f"application-{application.pk}-{who}-{reason}", current_origin().ip_address):
        record(
            actor=actor or NamedActor(application.client_id),
            action=Action.APP_DENIED,
            resource="application",
            resource_id=application.pk,
            resource_name=application.name,
            success=False,
            reason=reason,
        )


def _locked() -> AppSignInQuerySet:
    rows = AppSignIn.objects.select_related("user__subject", "session")
    return rows.select_for_update(no_key=True, of=("self",))


def _find_locked(application: Application, **conditions: str) -> AppSignIn | None:
    sign_in = _locked().filter(**conditions).first()
    if sign_in is not None and sign_in.application_id == application.pk:
        sign_in.application = application  # as it was authenticated, instead of reading it again
    return sign_in


def _is_foreign(sign_in: AppSignIn, application: Application, sentence: str) -> bool:
    if sign_in.application_id == application.pk:
        return False
    record_refusal(application, sentence)
    return True
