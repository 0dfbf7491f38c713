"""`/.well-known/jwks.json`: the public keys with which other services verify access tokens offline (RFC 7517)."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.sessions.jwt_signing import published_keys
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import PUBLIC

#: How long clients may cache the keys. A new key must be listed for that long before it signs.
CACHE_SECONDS = 300

PUBLIC_KEYS = inline_serializer(
    "PublicKey", {name: serializers.CharField() for name in ("kty", "crv", "use", "alg", "kid", "x")}, many=True
)


class JwksViewSet(ViewSet):
    # Public: these are public keys.
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = []  # type: ignore[misc]
    required_permissions: ClassVar = {"jwks": PUBLIC}

    @extend_schema(
        operation_id="auth_jwks",
        tags=["auth"],
        responses=inline_serializer("PublicKeys", {"keys": PUBLIC_KEYS}),
        summary="Public keys of tokens",
    )
    def jwks(self, request: Request) -> Response:  # noqa: ARG002
        """The keys that check EdDSA tokens; none where tokens are HS256. They can't tell that a session has ended."""
        response = Response({"keys": published_keys()})
        response["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
        # Applications verify tokens in browsers too, from any origin. No cookie is needed or sent.
        response["Access-Control-Allow-Origin"] = "*"
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response
