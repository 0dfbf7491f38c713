"""Whether database and cache answer."""

import logging

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

logger = logging.getLogger(__name__)

CONNECTED = "connected"
#: The reason is logged, not answered: it may name addresses and users.
UNAVAILABLE = "unavailable"
#: It can be read, but takes no changes, as a standby.
READ_ONLY = "read-only"
DATABASE_STATES = [CONNECTED, READ_ONLY, UNAVAILABLE]
CACHE_STATES = [CONNECTED, UNAVAILABLE]


def database_state() -> str:
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone() == ("on",):
                    return READ_ONLY
            else:
                cursor.execute("SELECT 1")
    except Exception as error:  # noqa: BLE001 (the answer is the same for all)
        logger.error("The database does not answer: %s", error)
        return UNAVAILABLE
    return CONNECTED


_has_tables = False


def has_tables() -> bool:
    """Whether this version's migrations were applied; not asked again once it is true."""
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
    try:
        cache.set("health", "well", 10)
        return CONNECTED if cache.get("health") == "well" else UNAVAILABLE
    except Exception as error:  # noqa: BLE001 (as above)
        logger.error("The cache does not answer: %s", error)
        return UNAVAILABLE
