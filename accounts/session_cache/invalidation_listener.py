"""A connection on which Redis reports every key that is written, so that no request has to ask for it.

Redis reports it at the moment in which it answers the writer (client-side caching, `CLIENT TRACKING ON BCAST`, Redis 6
and later). To look whether a report came takes less than a microsecond, and who looks before each use of a local copy
misses none.

A connection may be dead without a sign of it. So Redis is pinged, and what is known counts as current for a second
after the last ping that was answered. Otherwise ask Redis itself: that is always right.
"""

import select
import time
from collections.abc import Callable
from socket import socket
from threading import Lock
from typing import Any

from django_redis import get_redis_connection

from reprotech.core.circuit_breaker import CircuitBreaker

#: For how long after an answered ping all is known; and after how long to ping again.
CURRENT_SECONDS, PING_INTERVAL_SECONDS = 1, 0.3
PING_TIMEOUT_SECONDS = 5
#: A Redis that can't do this, or that forbids it, is tried again now and then.
RETRY_SECONDS = 10

#: The names of keys that were written, or None for all.
ChangedKeys = set[bytes] | None


class InvalidationListener:
    """Listens for keys with certain prefixes. `invalidate` is called with the changed keys, by one thread at a time."""

    def __init__(self, invalidate: Callable[[ChangedKeys], None]) -> None:
        self._invalidate = invalidate
        self._lock = Lock()
        self._breaker = CircuitBreaker("Redis' news of changes", seconds=RETRY_SECONDS)
        #: A redis-py connection, which has no types for what is needed here.
        self._connection: Any = None
        self._has_pending: Callable[[], bool] | None = None
        self._is_reading = False
        self._current_until = self._ping_at = self._pinged_at = 0.0
        self._awaits_ping = False
        #: How often `invalidate` was called.
        self.changes = 0

    def is_current(self, now: float) -> bool:
        """Whether everything that changed until `now`, by `time.monotonic()`, was invalidated.

        Look up local copies only after that.
        """
        has_pending = self._has_pending
        if has_pending is None or now >= self._ping_at or has_pending():
            return False
        # Checked last: a thread that takes reports from the connection sets it before and resets it after they are
        # processed.
        return now < self._current_until and not self._is_reading

    def drain(self, prefixes: list[str]) -> None:
        """Process what came, and keep the connection alive. Neither blocks nor raises."""
        if self._breaker.is_open or not self._lock.acquire(blocking=False):
            return
        try:
            if self._connection is None:
                self._connect(prefixes)
            self._read()
            self._ping()
        except Exception as error:  # noqa: BLE001 (whatever is wrong with Redis or in it, it can still be asked)
            self._disconnect()
            self._breaker.trip(error)
        except BaseException:
            self._disconnect()
            raise
        finally:
            self._lock.release()

    def run_unless_changed(self, changes: int, action: Callable[[], None]) -> None:
        """Run `action` unless something has changed since `self.changes` was `changes`, or is just being read."""
        if self._lock.acquire(blocking=False):
            try:
                if self.changes == changes:
                    action()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Disconnect, and connect again at the next use."""
        with self._lock:
            self._disconnect()
            self._breaker.reset()

    def _connect(self, prefixes: list[str]) -> None:
        pool = get_redis_connection("default").connection_pool
        connection = self._connection = pool.connection_class(**{**pool.connection_kwargs, "protocol": 3})
        connection.connect()
        # redis-py has no public way to get these messages but its own cache, which keeps answers of commands, not
        # ours, and reads on every command. Without a handler the parser drops them.
        connection._parser.set_invalidation_push_handler(lambda message: message)
        of_prefixes = [word for prefix in prefixes for word in ("PREFIX", prefix)]
        connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", *of_prefixes)
        connection.read_response()
        self._report(None)  # what changed before
        # The public `can_read` takes what came from the socket, so only one thread at a time could look.
        self._has_pending = _poller(connection._get_socket())
        self._ping_at = 0.0

    def _read(self) -> None:
        self._is_reading = True
        try:
            while self._connection.can_read():
                message = self._connection.read_response(push_request=True)
                if isinstance(message, list):
                    self._report(message[1] and set(message[1]))
                elif self._awaits_ping:
                    self._awaits_ping = False
                    self._current_until = self._pinged_at + CURRENT_SECONDS
        finally:
            self._is_reading = False

    def _report(self, changed: ChangedKeys) -> None:
        self.changes += 1
        self._invalidate(changed)

    def _ping(self) -> None:
        now = time.monotonic()
        if now < self._ping_at:
            return
        if self._awaits_ping and now - self._pinged_at > PING_TIMEOUT_SECONDS:
            raise ConnectionError("no answer")
        if not self._awaits_ping:
            self._connection.send_command("PING", check_health=False)
            self._awaits_ping, self._pinged_at = True, now
        self._ping_at = now + PING_INTERVAL_SECONDS

    def _disconnect(self) -> None:
        # First, for threads that look meanwhile, and find nothing on a connection that is closed.
        self._current_until = 0.0
        if self._connection is not None:
            self._connection.disconnect()
        self._connection = self._has_pending = None
        self._awaits_ping = False


def _poller(connection: socket) -> Callable[[], bool]:
    """Whether there is something to read, without waiting, for several threads at once."""
    if not hasattr(select, "epoll"):
        return lambda: connection.fileno() < 0 or bool(select.select([connection], [], [], 0)[0])
    poll = select.epoll()
    poll.register(connection, select.EPOLLIN)
    return lambda: bool(poll.poll(0))
