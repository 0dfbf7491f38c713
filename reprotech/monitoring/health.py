"""Health checks for people, balancers and orchestrators; public, since probes have no account."""

from typing import ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from reprotech import __version__
from reprotech.api.viewsets import ViewSet
from reprotech.core.status import (
    CACHE_STATES,
    CONNECTED,
    DATABASE_STATES,
    READ_ONLY,
    UNAVAILABLE,
    cache_state,
    database_state,
    has_tables,
)
from reprotech.web.access import PUBLIC

HEALTH_STATES = ["healthy", "unhealthy"]

HEALTH_ANSWER = inline_serializer(
    "Health",
    {
        "status": serializers.ChoiceField(choices=HEALTH_STATES),
        "timestamp": serializers.DateTimeField(),
        "version": serializers.CharField(),
        "build": serializers.CharField(),
        "database": serializers.ChoiceField(choices=DATABASE_STATES),
        "cache": serializers.ChoiceField(choices=CACHE_STATES),
    },
)
LIVENESS_ANSWER = inline_serializer("Status", {"status": serializers.CharField()})
READINESS_ANSWER = inline_serializer(
    "Readiness", {"status": serializers.CharField(), "problem": serializers.CharField(required=False)}
)


class HealthViewSet(ViewSet):
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = []  # type: ignore[misc]
    # DRF calls every OPTIONS "metadata".
    required_permissions: ClassVar = dict.fromkeys(("health", "live", "ready", "metadata"), PUBLIC)

    @extend_schema(responses={200: HEALTH_ANSWER, 503: HEALTH_ANSWER}, summary="Show the health")
    def health(self, request: Request) -> Response:  # noqa: ARG002
        """Database and cache, each tried."""
        parts = {"database": database_state(), "cache": cache_state()}
        healthy = set(parts.values()) == {CONNECTED}
        body = {
            "status": "healthy" if healthy else "unhealthy",
            "timestamp": timezone.now().isoformat().replace("+00:00", "Z"),
            "version": __version__,
            "build": settings.BUILD_ID,
            **parts,
        }
        return Response(body, status=200 if healthy else 503)

    @extend_schema(responses=LIVENESS_ANSWER, summary="Does the process answer?")
    def live(self, request: Request) -> Response:  # noqa: ARG002
        """The process answers; it should be restarted if it doesn't."""
        return Response({"status": "alive"})

    @extend_schema(responses={200: READINESS_ANSWER, 503: READINESS_ANSWER}, summary="Can it do its work?")
    def ready(self, request: Request) -> Response:  # noqa: ARG002
        """The database answers and has this version's tables. A read-only database or a missing cache is no problem."""
        state = database_state()
        if state == UNAVAILABLE:
            return Response({"status": "not ready", "problem": "The database does not answer."}, status=503)
        if not has_tables():
            return Response({"status": "not ready", "problem": "Migrations are missing."}, status=503)
        if state == READ_ONLY:
            # All servers have the same database: with none of them ready nothing could be read either.
            return Response({"status": "ready", "problem": "The database is read-only: changes are refused."})
        return Response({"status": "ready"})
