"""Connection draining: a worker stops without failing a request of the proxy in front of it.

Granian closes idle connections and its listening socket at once. A request that arrives then is lost, and a proxy that
can't know whether it was read must not repeat a POST. So before granian stops,

1. each answer says `Connection: close`, and the proxy gets time to close idle connections (our nginx: two seconds);
2. new connections are refused, so that a proxy tries the next server, and those that the kernel has made are accepted.
"""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

#: The first step at most, longer than nginx keeps an idle connection.
DRAIN_SECONDS = 2.5
#: The second step at least.
LAST_ACCEPT_SECONDS = 0.5
POLL_SECONDS = 0.05
#: Linux' option, which Python doesn't name, and an interface that never exists.
SO_BINDTOIFINDEX, NO_INTERFACE = 62, 2**31 - 1


def install() -> Event:
    """Make SIGTERM drain this process once it serves; before that it stops at once. The event: whether it drains."""
    # Threads that start later inherit it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    draining = Event()
    Thread(target=_stop_on_sigterm, args=[draining], name="stop-on-sigterm", daemon=True).start()
    return draining


def close_when_draining(application: WSGIApplication, draining: Event) -> WSGIApplication:
    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: "OptExcInfo | None") -> Callable[[bytes], object]:
            if draining.is_set():
                headers.append(("Connection", "close"))
            return start_response(status, headers, *more)

        return application(environ, start)

    return respond


def _stop_on_sigterm(draining: Event) -> None:
    while True:
        signal.sigwait({signal.SIGTERM})
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):  # nothing is served yet
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if not draining.is_set():
            draining.set()
            _drain()
        stop(signal.SIGTERM, None)


def _drain() -> None:
    end = time.monotonic() + DRAIN_SECONDS
    with contextlib.ExitStack() as stack:
        sockets = map(stack.enter_context, open_sockets())
        listeners = [found for found in sockets if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]
        if not listeners:
            return
        ports = {listener.getsockname()[1] for listener in listeners}
        _wait_for_connections(ports, end)
        for listener in listeners:
            refuse_connections(listener)
        time.sleep(LAST_ACCEPT_SECONDS)
        # The kernel spreads connections over the workers, this one among them, until all of them refuse.
        _wait_for_connections(ports, end + LAST_ACCEPT_SECONDS)


def _wait_for_connections(ports: set[int], end: float) -> None:
    while _has_connections(ports) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)


def open_sockets() -> Iterator[socket.socket]:
    """This process's TCP sockets, each with a duplicate descriptor."""
    for path in Path("/proc/self/fd").iterdir() if sys.platform == "linux" else []:
        with contextlib.suppress(OSError):  # gone meanwhile
            if not path.is_socket():
                continue
            found = socket.socket(fileno=os.dup(int(path.name)))
            if found.type == socket.SOCK_STREAM and found.family in {socket.AF_INET, socket.AF_INET6}:
                yield found
            else:
                found.close()


def _has_connections(ports: set[int]) -> bool:
    is_connected = False
    for found in open_sockets():
        with found, contextlib.suppress(OSError):  # without another end
            found.getpeername()
            is_connected |= found.getsockname()[1] in ports
    return is_connected


def refuse_connections(listener: socket.socket) -> None:
    """Refuse new connections, but not those that wait to be accepted, which closing would reset."""
    with contextlib.suppress(OSError):  # Linux before 5.7 lets only root do it
        listener.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE)
