"""Who is calling the API: by access token, by API key, or by the session cookie of the pages."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from accounts import api_keys, limits, tokens
from accounts.errors import TokenInvalid
from accounts.freshness import act_by_token
from accounts.models import ApiKey, Session, User
from accounts.services.keys import find_key
from accounts.services.sessions import find_session

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

Caller = tuple[User, Session | ApiKey]


class SignedInRequest(Request):
    """A request to a view that only the signed-in reach, for the type checker."""

    user: User
    auth: Session  # or an API key, where `open_to_keys` or a permission lets it in


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token, or API key>` (RFC 6750)."""

    def authenticate(self, request: Request) -> Caller | None:
        """The user and the session or key; None without the header. Raises a NotAuthenticated or TooManyAttempts."""
        caller = self._caller(request)
        if caller:
            act_by_token(caller[1] if isinstance(caller[1], Session) else None)
        return caller

    def _caller(self, request: Request) -> Caller | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenInvalid
        if token.strip().startswith(api_keys.MARK):
            key = find_key(text=token.strip())
            limits.count_call(key.pk)
            return key.user, key
        claims = tokens.read(token.strip(), tokens.ACCESS)
        session = find_session(session_id=claims.session_id, user_id=claims.user_id, is_call=True)
        if session.kind != Session.Kind.TOKEN:
            raise TokenInvalid
        return session.user, session

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """What a 401 names in `WWW-Authenticate`."""
        return "Bearer"


class PageSessionAuthentication(SessionAuthentication):
    """The cookie of the pages, with CSRF enforced."""

    def authenticate(self, request: Request) -> Caller | None:
        """The user and the session; None without a live session. Raises PermissionDenied for a CSRF failure."""
        session: Session | None = getattr(request._request, "page_session", None)
        if not session:  # a lazy object: never None itself
            return None
        self.enforce_csrf(request)
        return session.user, session


def _schema_extensions() -> None:
    from drf_spectacular.extensions import OpenApiAuthenticationExtension

    class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
        target_class = BearerAuthentication
        name = "token"

        def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, str]:  # noqa: ARG002
            return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT or API key"}

    class PageSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
        target_class = PageSessionAuthentication
        name = "page"

        def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, str]:  # noqa: ARG002
            return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


_schema_extensions()
