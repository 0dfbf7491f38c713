"""What the token endpoint takes: Authlib's grants over our sign-ins.

Each runs in one transaction that holds the lock of its sign-in from the look-up to the new tokens. A refusal is an
answer, not an exception, so that a sign-in that ends by it stays ended.
"""

import re
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import (
    AccessDeniedError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7636.challenge import compare_s256_code_challenge
from authlib.oauth2.rfc8628 import AuthorizationPendingError, DeviceCodeGrant, ExpiredTokenError, SlowDownError
from django.utils import timezone

from accounts.models import User
from sso.models import Application, AppSignIn, DeviceRequest
from sso.provider.claims import OPENID, SERVICE_SCOPES, allowed_scope
from sso.provider.id_tokens import make_id_token
from sso.provider.tokens.server import Client
from sso.sign_ins import devices
from sso.sign_ins import services as sign_in_services

#: Of SHA-256 in base64url, without padding.
S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class S256Challenge(CodeChallenge):  # type: ignore[misc]  # Authlib has no type hints
    """PKCE by S256 alone, and always: Authlib's own takes none, and `plain`, which it assumes where nothing is said."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar = ["S256"]
    CODE_CHALLENGE_METHODS: ClassVar = {"S256": compare_s256_code_challenge}

    def get_authorization_code_challenge_method(self, _code: object) -> str:
        return "S256"


def check_challenge(challenge: str, method: str) -> None:
    """Raise InvalidRequestError unless this is a challenge that S256 makes."""
    if not challenge:
        raise InvalidRequestError("PKCE is required: code_challenge is missing.")
    if method != "S256":
        raise InvalidRequestError("PKCE is required with code_challenge_method S256.")
    if not S256_CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("The code_challenge is not one that S256 makes.")


def refuse_device_grant(application: Application) -> None:
    """Raise UnauthorizedClientError unless devices may ask for sign-ins at this application."""
    if not application.device_grant:
        raise UnauthorizedClientError("The device grant is not switched on for this client.")


class Credential:
    """A sign-in, found by a code or a refresh token, as Authlib asks about it."""

    def __init__(self, sign_in: AppSignIn) -> None:
        self.sign_in = sign_in
        self.code_challenge = sign_in.code_challenge

    def get_redirect_uri(self) -> str:
        return self.sign_in.redirect_uri

    def get_scope(self) -> str:
        return self.sign_in.scope

    def check_client(self, client: Client) -> bool:
        return self.sign_in.application_id == client.application.pk


class _TokenGrant:
    """What all our grants have in common: the tokens are made and stored in one step."""

    request: Any

    def sign_in(self) -> AppSignIn:
        raise NotImplementedError

    def generate_token(self, *, include_refresh_token: bool = True, **_: object) -> dict[str, Any]:
        sign_in = self.sign_in()
        access, refresh = sign_in_services.issue_tokens(
            sign_in, with_refresh_token=include_refresh_token, used_token=self.request.form.get("refresh_token", "")
        )
        lifetime = sign_in.application.access_token_minutes * 60
        token = {"access_token": access, "token_type": "Bearer", "expires_in": lifetime, "scope": sign_in.scope}
        if refresh:
            token["refresh_token"] = refresh
        if OPENID in sign_in.scope.split() and sign_in.session_id:
            with_nonce = self.request.authorization_code is not None
            token["id_token"] = make_id_token(sign_in, access_token=access, with_nonce=with_nonce)
        return token

    def save_token(self, _token: object) -> None:
        """`generate_token` did."""


class CodeGrant(_TokenGrant, grants.AuthorizationCodeGrant):  # type: ignore[misc]  # as above
    def sign_in(self) -> AppSignIn:
        found: AppSignIn = self.request.authorization_code.sign_in
        return found

    def query_authorization_code(self, code: str, client: Client) -> Credential | None:
        sign_in = sign_in_services.find_by_code(code=code, application=client.application)
        return Credential(sign_in) if sign_in else None

    def authenticate_user(self, credential: Credential) -> User:
        return credential.sign_in.user

    def delete_authorization_code(self, credential: Credential) -> None:
        """It stays, marked as used, so that a second use is noticed."""


class RefreshGrant(_TokenGrant, grants.RefreshTokenGrant):  # type: ignore[misc]  # as above
    INCLUDE_NEW_REFRESH_TOKEN = True

    def sign_in(self) -> AppSignIn:
        found: AppSignIn = self.request.refresh_token.sign_in
        return found

    def authenticate_refresh_token(self, token: str) -> Credential | None:
        application = self.request.client.application
        sign_in = sign_in_services.find_by_refresh_token(token=token, application=application)
        return Credential(sign_in) if sign_in else None

    def authenticate_user(self, credential: Credential) -> User:
        return credential.sign_in.user

    def revoke_old_credential(self, credential: Credential) -> None:
        """`issue_tokens` did."""


class DeviceGrant(_TokenGrant, DeviceCodeGrant):  # type: ignore[misc]  # as above
    """A device that a person signed in on the page `/device` (RFC 8628)."""

    def sign_in(self) -> AppSignIn:
        found: AppSignIn = self.request.credential
        return found

    def validate_token_request(self) -> None:
        """Authlib's own checks the code before the client, and tells devices of other clients apart."""
        client = self.authenticate_token_endpoint_client()
        refuse_device_grant(client.application)
        device_code = self.request.form.get("device_code")
        if not device_code:
            raise InvalidRequestError("The device_code is missing.")
        found = devices.poll_device_request(device_code=device_code, application=client.application)
        if found is None:
            raise InvalidGrantError
        self.request.credential = self._approved(found)
        self.request.user = self.request.credential.user

    def _approved(self, found: DeviceRequest) -> AppSignIn:
        if found.expires_at <= timezone.now():
            raise ExpiredTokenError
        if not found.decided:
            raise SlowDownError if devices.is_too_early(found) else AuthorizationPendingError
        devices.mark_used(found)
        is_approved = found.decided == DeviceRequest.Decision.APPROVED
        sign_in = sign_in_services.open_device_sign_in(request=found) if is_approved else None
        if sign_in is None:
            raise AccessDeniedError
        return sign_in

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        return 200, self.generate_token(), self.TOKEN_RESPONSE_HEADER


class ClientCredentialsGrant(_TokenGrant, grants.ClientCredentialsGrant):  # type: ignore[misc]  # as above
    """An application that acts by itself, as its service account."""

    def validate_requested_scope(self) -> None:
        requested = self.request.payload.scope or " ".join(SERVICE_SCOPES)
        scope = allowed_scope(self.request.client.application, requested, SERVICE_SCOPES)
        if not scope:
            raise InvalidScopeError
        self.request.scope = scope

    def sign_in(self) -> AppSignIn:
        application = self.request.client.application
        # A person signs in by themselves: a program must not act as one.
        if not (application.service_account.can_sign_in and application.service_account.is_service):
            raise UnauthorizedClientError("The service account of this client can't sign in.")
        return sign_in_services.open_service_sign_in(
            application=application, user=application.service_account, scope=self.request.scope
        )
