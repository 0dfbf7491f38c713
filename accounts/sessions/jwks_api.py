"""`/.well-known/jwks.json`: the public keys by which other services check our tokens by themselves."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.sessions.jwt_signing import published_keys
from reprotech.api.viewsets import ViewSet
from reprotech.web.access import PUBLIC

#: Seconds that others may keep the keys: a new one must be listed for so long before it signs.
CACHE_SECONDS = 300

PUBLIC_KEYS = inline_serializer(
    "PublicKey", {name: serializers.CharField() for name in ("kty", "crv", "use", "alg", "kid", "x")}, many=True
)


class JwksViewSet(ViewSet):
    """Public keys are for everybody (RFC 7517)."""

    authentication_classes: ClassVar[list[Any]] = []  # type: ignore[misc]
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
        # Applications check tokens in browsers too, whatever their origin. No cookie is asked for or sent.
        response["Access-Control-Allow-Origin"] = "*"
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response
