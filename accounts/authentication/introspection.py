"""Token introspection (RFC 7662). It changes and extends nothing."""

from accounts.access.required_actions import has_required_action
from accounts.api_keys import token_format
from accounts.api_keys.services import load_key, refusal_reason
from accounts.models import Session, User
from accounts.models.grants import Grants
from accounts.sessions import tokens
from accounts.sessions.services import load_session
from reprotech.core.exceptions import NotAuthenticated

Claims = dict[str, object]

#: Without a reason: a third party must not learn more of the server's state (RFC 7662, section 2.2).
INACTIVE: Claims = {"active": False}


def introspect(*, token: str, ip_address: str = "") -> Claims:
    """The claims of a valid access token, or of an API key that may be used from this address; INACTIVE for others."""
    try:
        return _of_key(token, ip_address) if token.startswith(token_format.PREFIX) else _of_access_token(token)
    except NotAuthenticated:
        return INACTIVE


def _of_key(token: str, ip_address: str) -> Claims:
    # Not `authenticate_key`, which records a use, and looks at the address of the module that asks.
    key = load_key(token)
    if not key.user.can_sign_in or refusal_reason(key, ip_address) or has_required_action(key.user):
        return INACTIVE
    claims = {"iat": int(key.created_at.timestamp()), "exp": int(key.expires_at.timestamp())}
    maker = {"created_by": key.maker_name} if key.is_by_another else {}
    usable = key.user.grants.within(frozenset(key.scopes))
    return {**_of_user(key.user, usable), **claims, "token_type": "api_key", "key": key.name, **maker}


def _of_access_token(token: str) -> Claims:
    claims = tokens.verify(token, tokens.AccessToken)
    # From the database, and no use of the session: only its owner's calls are.
    session = load_session(claims.session_id, claims.user_id)
    if session.kind != Session.Kind.TOKEN or has_required_action(session.user):
        return INACTIVE
    times = {"iat": claims.issued_at, "exp": claims.expires_at}
    of_user = _of_user(session.user, session.user.grants)
    return {**of_user, **times, "sid": str(session.pk), "token_type": "access_token"}


def _of_user(user: User, grants: Grants) -> Claims:
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
