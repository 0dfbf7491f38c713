"""What Redis tells a process of changes, so that it need not ask at each request.

Redis says on a connection of its own which keys somebody wrote, whoever it was: it does so in the same moment in which
it answers the writer (client-side caching, `CLIENT TRACKING ON BCAST`, Redis 6 and later). To look whether something
came takes less than a microsecond, and whoever looks before each use of what it keeps misses nothing.

A connection may be dead without a sign of it. So Redis is pinged as long as somebody looks, and news count as complete
for a second after the last ping that came back. Whenever they aren't, ask Redis: that is always right.
"""

import select
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from django_redis import get_redis_connection

from reprotech.core.circuit_breaker import CircuitBreaker

#: For how long after a ping, which came back, news are complete; and after how long to ping again.
CURRENT_SECONDS, PING_INTERVAL_SECONDS = 1, 0.3
#: After which a ping that didn't come back is the end of its connection.
PING_TIMEOUT_SECONDS = 5
#: How long to leave it after a failure. A Redis that can't do this, or that forbids it, is asked as before.
RETRY_SECONDS = 10

#: The names of keys that were written, or None for all.
ChangedKeys = set[bytes] | None


class InvalidationListener:
    """The news of keys with certain prefixes. `forget` is called with what changed, by one thread at a time."""

    def __init__(self, forget: Callable[[ChangedKeys], None]) -> None:
        self._forget = forget
        self._lock = Lock()
        self._outage = CircuitBreaker("Redis' news of changes", seconds=RETRY_SECONDS)
        self._connection: Any = None
        self._has_come: Callable[[], Any] | None = None
        self._is_reading = False
        self._good_until = self._ping_at = self._pinged_at = 0.0
        self._awaits_ping = False
        #: How often something changed.
        self.count = 0

    def are_complete(self, now: float) -> bool:
        """Whether everything that changed until now, by `time.monotonic()`, has been forgotten.

        Look at what is kept only after that, in this order.
        """
        has_come = self._has_come
        if has_come is None or now >= self._ping_at or has_come():
            return False
        # In this order too: who took the news from the connection says so before, and until all is forgotten.
        return now < self._good_until and not self._is_reading

    def catch_up(self, prefixes: list[str]) -> None:
        """Read what came, and see to it that more comes. Waits for nobody: what fails, fails later."""
        if self._outage.is_open or not self._lock.acquire(blocking=False):
            return
        try:
            if self._connection is None:
                self._connect(prefixes)
            self._read()
            self._ping()
        except Exception as error:  # noqa: BLE001 (whatever is wrong with Redis or in it, it can still be asked)
            self._disconnect()
            self._outage.trip(error)
        except BaseException:
            self._disconnect()
            raise
        finally:
            self._lock.release()

    def keep(self, count: int, keep: Callable[[], None]) -> None:
        """Call `keep` unless something has changed since `self.count` was `count`, or is just being read."""
        if self._lock.acquire(blocking=False):
            try:
                if self.count == count:
                    keep()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Begin anew, as a process that has just started does."""
        with self._lock:
            self._disconnect()
            self._outage.reset()

    def _connect(self, prefixes: list[str]) -> None:
        pool = get_redis_connection("default").connection_pool
        connection = self._connection = pool.connection_class(**{**pool.connection_kwargs, "protocol": 3})
        connection.connect()
        # redis-py has no public way to be handed these messages but its own cache, which keeps answers of commands, not
        # ours, and reads on every command. Without a handler the parser drops them.
        connection._parser.set_invalidation_push_handler(lambda message: message)
        of_prefixes = [word for prefix in prefixes for word in ("PREFIX", prefix)]
        connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", *of_prefixes)
        connection.read_response()
        self._tell(None)  # what changed before
        # The public `can_read` takes what came from the socket, so only one thread at a time could look.
        self._has_come = _poller(connection._get_socket())
        self._ping_at = 0.0

    def _read(self) -> None:
        self._is_reading = True
        try:
            while self._connection.can_read():
                message = self._connection.read_response(push_request=True)
                if isinstance(message, list):
                    self._tell(message[1] and set(message[1]))
                elif self._awaits_ping:
                    self._awaits_ping = False
                    self._good_until = self._pinged_at + CURRENT_SECONDS
        finally:
            self._is_reading = False

    def _tell(self, changed: ChangedKeys) -> None:
        self.count += 1
        self._forget(changed)

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
        # First, for whoever looks meanwhile, and finds nothing on a connection that is closed.
        self._good_until = 0.0
        if self._connection is not None:
            self._connection.disconnect()
        self._connection = self._has_come = None
        self._awaits_ping = False


def _poller(socket: Any) -> Callable[[], Any]:
    """What tells, without waiting and to several threads at once, whether there is something to read."""
    if not hasattr(select, "epoll"):
        return lambda: socket.fileno() < 0 or select.select([socket], [], [], 0)[0]
    poll = select.epoll()
    poll.register(socket, select.EPOLLIN)
    return lambda: poll.poll(0)
