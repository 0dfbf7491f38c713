"""What another service may learn of a token that was sent to it (RFC 7662). It changes and extends nothing."""

from typing import Any

from accounts.access.required_actions import has_required_action
from accounts.api_keys import token_format
from accounts.api_keys.services import load_key, refusal_reason
from accounts.models import Session, User
from accounts.models.grants import Grants
from accounts.sessions import tokens
from accounts.sessions.services import load_session
from reprotech.core.exceptions import NotAuthenticated

INACTIVE: dict[str, Any] = {"active": False}


def introspect(*, token: str, ip_address: str = "") -> dict[str, Any]:
    """The claims of a good access token or API key; `{"active": False}` and nothing more for anything else.

    `ip_address` is where the token came from, as the asking service saw it: a key that is limited to addresses is
    active only from those.
    """
    try:
        return _of_key(token, ip_address) if token.startswith(token_format.PREFIX) else _of_access_token(token)
    except NotAuthenticated:
        return INACTIVE


def _of_key(token: str, ip_address: str) -> dict[str, Any]:
    key = load_key(token)
    if not key.user.can_sign_in or refusal_reason(key, ip_address) or has_required_action(key.user):
        return INACTIVE
    claims = {"iat": int(key.created_at.timestamp()), "exp": int(key.expires_at.timestamp())}
    maker = {"created_by": key.maker_name} if key.is_by_another else {}
    usable = key.user.grants.within(frozenset(key.scopes))
    return {**_of_user(key.user, usable), **claims, "token_type": "api_key", "key": key.name, **maker}


def _of_access_token(token: str) -> dict[str, Any]:
    claims = tokens.verify(token, tokens.AccessToken)
    session = load_session(claims.session_id, claims.user_id)
    if session.kind != Session.Kind.TOKEN or has_required_action(session.user):
        return INACTIVE
    about = {"iat": claims.issued_at, "exp": claims.expires_at, "sid": str(session.pk)}
    return {**_of_user(session.user, session.user.grants), **about, "token_type": "access_token"}


def _of_user(user: User, grants: Grants) -> dict[str, Any]:
    permissions = grants.ordered_permissions
    return {
        "active": True,
        "sub": str(user.pk),
        "username": user.username,
        "user_id": user.pk,
        "is_service": user.is_service,
        "roles": list(grants.role_names),
        "permissions": permissions,
        "scope": " ".join(permissions),
    }
