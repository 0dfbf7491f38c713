"""Is the service well? For people, balancers and orchestrators; public, since probes have no account."""

import logging
from typing import Any, ClassVar

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import PUBLIC
from reprotech import __version__
from reprotech.api.viewsets import ViewSet

logger = logging.getLogger(__name__)

CONNECTED = "connected"
#: The failed part is named, the reason isn't: it may tell addresses and users.
FAILED = "unavailable"
#: It can be read, but takes no changes: a standby, for one.
READ_ONLY = "read-only"
DATABASE_STATES = [CONNECTED, READ_ONLY, FAILED]
CACHE_STATES = [CONNECTED, FAILED]
HEALTH_STATES = ["healthy", "unhealthy"]

HEALTH = inline_serializer(
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
STATUS = inline_serializer("Status", {"status": serializers.CharField()})
READINESS = inline_serializer(
    "Readiness", {"status": serializers.CharField(), "problem": serializers.CharField(required=False)}
)


class HealthViewSet(ViewSet):
    """Health."""

    authentication_classes: ClassVar[list[Any]] = []  # type: ignore[misc]
    # DRF calls every OPTIONS "metadata".
    required_permissions: ClassVar = dict.fromkeys(("health", "live", "ready", "metadata"), PUBLIC)

    @extend_schema(responses={200: HEALTH, 503: HEALTH}, summary="Is everything well?")
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

    @extend_schema(responses=STATUS, summary="Does the process answer?")
    def live(self, request: Request) -> Response:  # noqa: ARG002
        """The process answers; it should be restarted if it doesn't."""
        return Response({"status": "alive"})

    @extend_schema(responses={200: READINESS, 503: READINESS}, summary="Can it do its work?")
    def ready(self, request: Request) -> Response:  # noqa: ARG002
        """The database answers and has this version's tables. Without the cache, or changes, the service works on."""
        state = database_state()
        if state == FAILED:
            return Response({"status": "not ready", "problem": "The database does not answer."}, status=503)
        if not has_tables():
            return Response({"status": "not ready", "problem": "Migrations are missing."}, status=503)
        if state == READ_ONLY:
            # Another server would have the same database: without any, nothing could be read either.
            return Response({"status": "ready", "problem": "The database is read-only: changes are refused."})
        return Response({"status": "ready"})


def database_state() -> str:
    """`connected` if a query is answered and changes are taken."""
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone() == ("on",):
                    return READ_ONLY
            else:
                cursor.execute("SELECT 1")
    except Exception as error:  # noqa: BLE001 (whatever it is, the answer is the same)
        logger.error("The database does not answer: %s", error)
        return FAILED
    return CONNECTED


_has_tables = False


def has_tables() -> bool:
    """Whether this version's migrations were applied: it gets no requests before. Once true it isn't asked again."""
    global _has_tables  # noqa: PLW0603 (one for each process)
    if not _has_tables:
        try:
            executor = MigrationExecutor(connection)
            _has_tables = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        except Exception as error:  # noqa: BLE001 (as above)
            logger.error("It can't be told which migrations were applied: %s", error)
        if not _has_tables:
            logger.warning("Migrations are missing: run `manage.py migrate`.")
    return _has_tables


def cache_state() -> str:
    """`connected` if the cache takes and gives a value."""
    try:
        cache.set("health", "well", 10)
        return CONNECTED if cache.get("health") == "well" else FAILED
    except Exception as error:  # noqa: BLE001 (as above)
        logger.error("The cache does not answer: %s", error)
        return FAILED
