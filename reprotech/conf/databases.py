"""Django's settings of the database and of the cache."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from reprotech.conf.env import Environment
from reprotech.db.postgresql.statements import PreparingConnection


def _database_of_process(env: Environment, base_dir: Path) -> dict[str, Any]:
    """That of DATABASE_URL; for a command that of DATABASE_DIRECT_URL, if it is set."""
    database = env.database("DATABASE_URL", "sqlite:///reprotech_auth.db", base_dir)
    direct = env.database("DATABASE_DIRECT_URL", "", base_dir)
    if not direct:
        return database
    if (direct["ENGINE"], direct["NAME"]) != (database["ENGINE"], database["NAME"]):
        raise ImproperlyConfigured("DATABASE_DIRECT_URL must lead to the database that DATABASE_URL names.")
    return direct if env.for_command else database


def database_settings(env: Environment, base_dir: Path) -> dict[str, Any]:
    database = _database_of_process(env, base_dir)
    if database["ENGINE"] == "django.db.backends.sqlite3":
        options = {
            # A transaction that reads before it writes would otherwise fail instead of waiting.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;",
        }
        return {**database, "ENGINE": "reprotech.db.sqlite", "OPTIONS": options}
    options = {
        # PostgreSQL too gives up on a server that is gone: it would keep its locks for hours, and others waiting.
        "options": "-c tcp_user_timeout=10s -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5",
        **database.get("OPTIONS", {}),
        "connect_timeout": 5,
        "prepare_threshold": 5,  # uses of a statement on a connection, after which PostgreSQL keeps its plan
        # A network that swallows everything is noticed within 10 seconds, not after a quarter of an hour.
        "tcp_user_timeout": 5_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "pool": {
            "connection_class": PreparingConnection,
            "min_size": 1,
            "max_size": env.number("DATABASE_POOL_SIZE", default=20, between=(1, 1000)),
            # There are more connections than threads: one waits only while the database is out of reach.
            "timeout": 2,
            # Ever longer pauses between attempts would outlast the outage; the next request makes a new attempt.
            "reconnect_timeout": 2,
        },
    }
    return {**database, "ENGINE": "reprotech.db.postgresql", "OPTIONS": options}


def cache_settings(redis_url: str, timeout: float) -> dict[str, object]:
    """In Redis when several processes share the cache, else inside the process."""
    if not redis_url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis_url,
        "KEY_PREFIX": "reprotech",
        "OPTIONS": {
            # JSON, not pickle: code must not run here for those who can write to Redis.
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "SOCKET_CONNECT_TIMEOUT": timeout,
            "SOCKET_TIMEOUT": timeout,
        },
    }
