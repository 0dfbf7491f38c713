"""Each thread's own connection to Redis, for the one question that every request asks.

The usual client takes a connection from its pool, watches over its attempts and keeps statistics for every command,
which takes longer than Redis does to answer. Everything else is rare enough for it.
"""

import contextlib
import threading
from typing import Any

from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import NoScriptError


class Script:
    """A Lua script, sent once for each Redis and then called by its name."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._name: str | None = None

    def __call__(self, keys: list[str], arguments: list[str | int]) -> Any:
        """What it returns; raises redis' exceptions. A connection that was closed meanwhile is opened again, once."""
        command = len(keys), *keys, *arguments
        try:
            return self._call(command)
        except Disconnected:
            return self._call(command)

    def _call(self, command: tuple[str | int, ...]) -> Any:
        connection = _connection()
        if self._name is None:
            self._name = _ask(connection, "SCRIPT", "LOAD", self.text).decode()
        try:
            return _ask(connection, "EVALSHA", self._name, *command)
        except NoScriptError:
            return _ask(connection, "EVAL", self.text, *command)


class _Held:
    """Closes a connection when nobody holds it any more, at once and not when garbage is collected."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at the end of the process there may be little left to do it with
            self.connection.disconnect()


class _Line(threading.local):
    url: str | None = None
    held: Any = None


_line = _Line()


def _connection() -> Any:
    if _line.url != settings.REDIS_URL:
        # One of its own, which ends with its thread: those that the pool makes count as its own for ever.
        pool = get_redis_connection("default").connection_pool
        _line.held = _Held(pool.connection_class(**pool.connection_kwargs))
        _line.url = settings.REDIS_URL
    return _line.held.connection


def _ask(connection: Any, *command: str | int) -> Any:
    """The answer of Redis. Whatever interrupts waiting for it closes the connection: else the next would read it."""
    try:
        connection.send_command(*command)
        return connection.read_response()
    except NoScriptError:
        raise
    except BaseException:
        connection.disconnect()
        raise
