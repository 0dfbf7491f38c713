"""Errors of commands that an operator can fix, as one sentence instead of a traceback."""

import psycopg
from django.db import DatabaseError, OperationalError, connection
from redis import RedisError

from reprotech.core.status import connect_without_pool

#: PostgreSQL's codes.
INSUFFICIENT_PRIVILEGE, UNDEFINED_TABLE = "42501", "42P01"


def describe_error(error: BaseException) -> str | None:
    """What happened and what to do; None for our own mistakes, which need their traceback."""
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted."
    if isinstance(error, DatabaseError):
        return _describe_database(error)
    if isinstance(error, RedisError):
        return f"Redis can't be used: {error}. Is REDIS_URL right, and does it run?"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}."
    return None


def _describe_database(error: DatabaseError) -> str | None:
    first_line = str(error).partition("\n")[0].strip().rstrip(".")
    code = getattr(error.__cause__, "sqlstate", None)
    if code == UNDEFINED_TABLE or first_line.startswith("no such table"):
        return f"The database lacks a table ({first_line}). Bring it up to date: manage.py migrate"
    if code == INSUFFICIENT_PRIVILEGE:
        return (
            f"The database role {connection.settings_dict['USER']} may not do this ({first_line}). Run the command as "
            "the owner of the tables (docs/deployment.md)."
        )
    if connection.vendor == "sqlite":
        is_about_file = isinstance(error, OperationalError) or type(error) is DatabaseError
        return (
            f"The database {connection.settings_dict['NAME']} can't be used: {first_line}." if is_about_file else None
        )
    if isinstance(error, OperationalError):
        reason = _connection_error() or first_line
        return f"The database can't be reached: {reason}. Is DATABASE_URL right, and does it run?"
    return None


def _connection_error() -> str:
    """Why no connection can be made, which the pool doesn't say; "" when one can."""
    try:
        connect_without_pool().close()
    except psycopg.OperationalError as error:
        return str(error).partition("\n")[0].strip().rstrip(".")
    except psycopg.Error:
        pass
    return ""
