"""`/api/auth/introspect`: token introspection (RFC 7662) for lab modules. It changes and extends nothing."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from accounts.access.required_actions import has_required_action
from accounts.api_keys.services import KEY_PREFIX, load_key, refusal_reason
from accounts.authentication.api_authentication import (
    BasicKeyAuthentication,
    BearerAuthentication,
    PageSessionAuthentication,
)
from accounts.common.requests import SignedInRequest
from accounts.models import Session, User
from accounts.models.grants import Grants
from accounts.sessions import tokens
from accounts.sessions.services import load_session
from reprotech.api.fields import AddressField, StrictStringField
from reprotech.api.parsers import StrictFormParser, StrictJSONParser, is_form
from reprotech.api.request_bodies import RequestBody
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import NotAuthenticated
from reprotech.web.access import SIGNED_IN

Claims = dict[str, object]

#: No access token is longer, with a hundred long role names in any script.
MAX_TOKEN_LENGTH = 65_536
#: Without a reason: a third party must not learn more of the server's state (RFC 7662, section 2.2).
INACTIVE: Claims = {"active": False}

#: What answers for tokens that other apps issue, by the letters that these begin with.
OTHER_TOKENS: dict[str, Callable[[str], Claims]] = {}


class IntrospectBody(RequestBody):
    """An access token or API key to ask about."""

    null_is_absent = True

    token = StrictStringField(max_length=MAX_TOKEN_LENGTH)
    token_type_hint = StrictStringField(required=False, allow_blank=True, max_length=40, help_text="Not needed.")
    ip_address = AddressField(
        required=False, help_text="Where it came from. A key that is limited to addresses is active only from those."
    )


class IntrospectForm(IntrospectBody):
    """The same as a form: unknown and empty parameters are ignored (RFC 6749, section 3.2)."""

    refuses_unknown = False

    def to_internal_value(self, data: Mapping[str, object]) -> dict[str, object]:
        values: dict[str, object] = super().to_internal_value({name: value for name, value in data.items() if value})
        return values


class IntrospectionAnswer(serializers.Serializer[object]):
    """Only `active` for a token that isn't."""

    active = serializers.BooleanField()
    sub = serializers.CharField(required=False)
    username = serializers.CharField(required=False)
    user_id = serializers.IntegerField(required=False)
    is_service = serializers.BooleanField(required=False)
    roles = serializers.ListField(child=serializers.CharField(), required=False)
    permissions = serializers.ListField(child=serializers.CharField(), required=False)
    scope = serializers.CharField(required=False, help_text="The permissions, separated by blanks.")
    token_type = serializers.ChoiceField(choices=["access_token", "api_key", "application_token"], required=False)
    iat = serializers.IntegerField(required=False)
    exp = serializers.IntegerField(required=False)
    sid = serializers.CharField(required=False, help_text="Of an access token: its session.")
    key = serializers.CharField(required=False, help_text="Of an API key: its name.")
    client_id = serializers.CharField(required=False, help_text="The application that an application's token is for.")
    created_by = serializers.CharField(required=False, help_text="Who made the API key, if that was not its owner.")


class IntrospectionViewSet(ViewSet):
    # It reveals nothing that the token's holder couldn't get from `GET /api/auth/me`, and a token can't be guessed, so
    # a permission would protect nothing. Authentication keeps strangers out and lets calls be counted.
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = [  # type: ignore[misc]
        BasicKeyAuthentication,
        BearerAuthentication,
        PageSessionAuthentication,
    ]
    required_permissions: ClassVar = {"introspect": SIGNED_IN}
    open_to_keys: ClassVar = {"introspect"}
    parser_classes: ClassVar[list[type[BaseParser]]] = [StrictJSONParser, StrictFormParser]  # type: ignore[misc]
    media_types_hint = "Send the body as JSON or as a form."

    @extend_schema(
        # Not the form too: for two media types openapi-python-client generates modules that can't be imported.
        request={StrictJSONParser.media_type: IntrospectBody},
        responses=IntrospectionAnswer,
        summary="Introspect a token",
    )
    def introspect(self, request: SignedInRequest) -> Response:
        """Whether an access token or API key is valid, whose it is and what it may do (RFC 7662).

        The same fields may be sent as a form, `application/x-www-form-urlencoded`, which may have others too.
        """
        body = (IntrospectForm if is_form(request) else IntrospectBody).read(request)
        response = Response(introspect(token=body["token"], ip_address=body.get("ip_address", "")))
        response["Cache-Control"] = "no-store"
        return response


def introspect(*, token: str, ip_address: str = "") -> Claims:
    """The claims of a valid access token, or of an API key that may be used from this address; INACTIVE for others."""
    for prefix, introspect_token in OTHER_TOKENS.items():
        if token.startswith(prefix):
            return introspect_token(token)
    try:
        return _of_key(token, ip_address) if token.startswith(KEY_PREFIX) else _of_access_token(token)
    except NotAuthenticated:
        return INACTIVE


def _of_key(token: str, ip_address: str) -> Claims:
    # Not `authenticate_key`, which records a use, and looks at the address of the module that asks.
    key = load_key(token)
    if not key.user.can_sign_in or refusal_reason(key, ip_address) or has_required_action(key.user):
        return INACTIVE
    claims = {"iat": int(key.created_at.timestamp()), "exp": key.user.credential_end(int(key.expires_at.timestamp()))}
    maker = {"created_by": key.maker_name} if key.is_by_another else {}
    usable = key.user.grants.within(frozenset(key.scopes))
    return {**_of_user(key.user, usable), **claims, "token_type": "api_key", "key": key.name, **maker}


def _of_access_token(token: str) -> Claims:
    claims = tokens.verify(token, tokens.AccessToken)
    # From the database, and no use of the session: only its owner's calls are.
    session = load_session(claims.session_id, claims.user_id)
    if session.kind != Session.Kind.TOKEN or has_required_action(session.user):
        return INACTIVE
    times = {"iat": claims.issued_at, "exp": session.user.credential_end(claims.expires_at)}
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
