"""Authenticates API calls by access token, API key or session cookie."""

import base64
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote_plus

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from accounts.api_keys.services import KEY_PREFIX, authenticate_key
from accounts.core.exceptions import TokenInvalid
from accounts.models import ApiKey, Session, User
from accounts.sessions import tokens
from accounts.sessions.services import find_session
from accounts.throttling import token_calls
from reprotech.core.exceptions import NotAuthenticated

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

Caller = tuple[User, Session | ApiKey]


class BearerAuthentication(JWTAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer <access token or API key>` (RFC 6750)."""

    def get_header(self, request: Request) -> bytes:
        # Characters that no header may have lead to a 401, not to an error.
        header: str = request.META.get("HTTP_AUTHORIZATION", "")
        return header.encode("latin-1", "replace")

    def get_raw_token(self, header: bytes) -> bytes | None:
        if not header:
            return None
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer":  # Simple JWT would treat it as no header at all
            raise TokenInvalid
        return token.strip()

    def get_validated_token(self, raw_token: bytes) -> Session | ApiKey:
        """The session or key of the token. Raises a NotAuthenticated or TooManyAttempts."""
        text = raw_token.decode("latin-1")
        if text.startswith(KEY_PREFIX):
            return _used_key(text)
        # A genuine token isn't enough: the session that it names must be alive, and becomes `request.auth`.
        claims = tokens.verify(text, tokens.AccessToken)
        session = find_session(session_id=claims.session_id, user_id=claims.user_id, is_call=True)
        if session.kind != Session.Kind.TOKEN:
            raise TokenInvalid
        return session

    def get_user(self, validated_token: Session | ApiKey) -> User:
        return validated_token.user

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Bearer"


class BasicKeyAuthentication(BaseAuthentication):
    """HTTP Basic with an API key as the password (RFC 6749, section 2.3.1); the username is ignored."""

    def authenticate(self, request: Request) -> Caller | None:
        """Raises a NotAuthenticated or TooManyAttempts."""
        scheme, _, credentials = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            key = _used_key(_password_in(credentials))
        except NotAuthenticated as refusal:
            # The client's scheme (RFC 6749, section 5.2).
            refusal.headers["WWW-Authenticate"] = 'Basic realm="Reprotech"'
            raise
        return key.user, key


def _password_in(credentials: str) -> str:
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except ValueError:
        raise TokenInvalid from None
    return unquote_plus(text.partition(":")[2])


def _used_key(text: str) -> ApiKey:
    key = authenticate_key(text=text)
    token_calls.count_call(key.pk)
    return key


class PageSessionAuthentication(SessionAuthentication):
    """The session cookie of the pages, with CSRF enforced."""

    def authenticate(self, request: Request) -> Caller | None:
        """Raises PermissionDenied for a CSRF failure."""
        session: Session | None = getattr(request, "page_session", None)
        if not session:  # a lazy object: never None itself
            return None
        self.enforce_csrf(request)
        return session.user, session


class DocumentedScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's schema describes one of these."""

    priority = 1  # drf-spectacular's own for Simple JWT takes subclasses too
    definition: ClassVar[dict[str, str]]

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, str]:  # noqa: ARG002
        return self.definition


class BearerScheme(DocumentedScheme):  # type: ignore[no-untyped-call]
    target_class, name = BearerAuthentication, "token"
    definition: ClassVar = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT or API key"}


class BasicKeyScheme(DocumentedScheme):  # type: ignore[no-untyped-call]
    target_class, name = BasicKeyAuthentication, "basic"
    definition: ClassVar = {"type": "http", "scheme": "basic", "description": "An API key as the password."}


class PageSessionScheme(DocumentedScheme):  # type: ignore[no-untyped-call]
    target_class, name = PageSessionAuthentication, "page"
    definition: ClassVar = {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
