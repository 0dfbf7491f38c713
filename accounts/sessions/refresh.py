"""Issues a session's tokens and refreshes them, with reuse detection (RFC 9700, section 4.14)."""

import time
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.core.exceptions import AccountDisabled, TokenInvalid
from accounts.models import Session, User
from accounts.sessions import tokens
from accounts.sessions.services import mark_ended
from accounts.sessions.tokens import TokenPair
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded

#: Until then a reused refresh token is taken for a race or a retry, after it for theft.
REUSE_GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class SessionTokens:
    session: Session
    pair: TokenPair


@transaction.atomic
@explicitly_recorded()
def issue_tokens(*, session: Session) -> SessionTokens:
    pair = tokens.issue_pair(session)
    session.refresh_hash = pair.refresh_hash
    session.save(update_fields=["refresh_hash"])
    return SessionTokens(session, pair)


def refresh_session(*, refresh_token: str) -> SessionTokens:
    """Exchange a refresh token for a new pair. Raises TokenInvalid or AccountDisabled."""
    claims = tokens.verify(refresh_token, tokens.RefreshToken)
    outcome = _refresh(claims)
    if isinstance(outcome, SessionTokens):
        return outcome
    raise outcome


@transaction.atomic
@explicitly_recorded()
def _refresh(claims: tokens.Claims) -> SessionTokens | TokenInvalid | AccountDisabled:
    # A refusal is returned, not raised: what it ended and recorded must be committed.
    # The lock lets one of two requests with the same token win.
    session = Session.objects.select_for_update(no_key=True).filter(pk=claims.session_id).first()
    if session is None or session.user_id != claims.user_id or session.user.deleted_at is not None:
        return TokenInvalid()
    if not session.user.can_sign_in:
        return AccountDisabled()
    if not session.is_alive:
        return TokenInvalid()
    record_refresh = partial(
        record, actor=session.user, action=Action.TOKEN_REFRESH, resource="auth", session_id=session.pk
    )
    token_hash, now = tokens.hash_token_id(claims.token_id), time.time()
    if token_hash != session.refresh_hash:
        if token_hash not in _recently_used(session, now):
            mark_ended([session], Session.EndReason.REFRESH_REUSE)
            record_refresh(success=False, reason="A spent refresh token was used again.")
        return TokenInvalid()
    # Older ones need not be kept: any hash that isn't among these counts as reuse.
    session.spent_refresh_hashes = {**_recently_used(session, now), token_hash: now}
    session.last_used_at = timezone.now()
    session.expires_at = session.expiry_after(session.last_used_at)
    _require_change_of_expired_password(session.user)
    pair = tokens.issue_pair(session)
    session.refresh_hash = pair.refresh_hash
    session.save(update_fields=["spent_refresh_hashes", "last_used_at", "expires_at", "refresh_hash"])
    record_refresh(success=True)
    return SessionTokens(session, pair)


def _require_change_of_expired_password(user: User) -> None:
    # Passwords expire at sign-in, and a script that only refreshes its tokens never signs in.
    if user.has_expired_password and not user.must_change_password:
        user.must_change_password = True
        User.objects.filter(pk=user.pk).update(must_change_password=True)


def _recently_used(session: Session, now: float) -> dict[str, float]:
    used = session.spent_refresh_hashes.items()
    return {token_hash: when for token_hash, when in used if now - when <= REUSE_GRACE_SECONDS}
