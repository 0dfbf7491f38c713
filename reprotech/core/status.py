"""Whether database and cache answer."""

import logging
from functools import cache as memoize

import psycopg
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

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


def connect_without_pool() -> psycopg.Connection:
    """A connection to PostgreSQL. The pool would wait, and not say why there is none."""
    parameters = {name: value for name, value in connection.get_connection_params().items() if name != "pool"}
    return psycopg.connect(**parameters | {"connect_timeout": 2})


def has_tables() -> bool:
    """Whether this version's migrations were applied."""
    try:
        is_complete = _newest_migrations() <= MigrationRecorder(connection).applied_migrations().keys()
    except Exception as error:  # noqa: BLE001 (as above)
        logger.error("The applied migrations can't be read: %s", error)
        return False
    if not is_complete:
        logger.warning("Migrations are missing: run `manage.py migrate`.")
    return is_complete


@memoize
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app, which the files of this version say."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def cache_state() -> str:
    try:
        cache.set("health", "well", 10)
        return CONNECTED if cache.get("health") == "well" else UNAVAILABLE
    except Exception as error:  # noqa: BLE001 (as above)
        logger.error("The cache does not answer: %s", error)
        return UNAVAILABLE
