"""How a worker stops without failing a request of a proxy in front of it.

Granian closes idle connections and its listening socket at once. A request that arrives in that instant is lost, and a
proxy that can't know whether anybody read it must not send a POST again. So before granian is told to stop,

1. each answer says `Connection: close`, and the proxy gets time to close by itself what it keeps idle, which the nginx
   that we ship does after two seconds;
2. the kernel ignores who wants a new connection, and the worker gets a moment to accept those that the kernel made.

Whoever is ignored tries again a second later, is refused then, and a proxy goes to the next server.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

#: Seconds for the first step at most; over sooner once there is no connection. Longer than nginx keeps an idle one.
FAREWELL = 2.5
#: Seconds for the second step.
LAST_ARRIVALS = 0.5
PAUSE = 0.05
#: Linux' number of it, which Python doesn't name.
SO_ATTACH_FILTER = 26
#: A program for it, each step with code, jumps and number: load the byte of TCP's flags; with SYN among them let
#: nothing of the packet through, else all of it.
DROP_SYN = [(0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]

_stopping = Event()


def prepare() -> None:
    """From now on SIGTERM stops this process so, once it serves; before that at once."""
    # In every thread: those that start later inherit it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    Thread(target=_stop_when_told, name="stop-when-told", daemon=True).start()


def saying_farewell(application: Callable[..., Any]) -> Callable[..., Any]:
    """The WSGI application, whose answers close their connection once the process stops."""

    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if _stopping.is_set():
                headers.append(("Connection", "close"))
            return start_response(status, headers, *more)

        return application(environ, start)

    return respond


def _stop_when_told() -> None:
    while True:
        signal.sigwait({signal.SIGTERM})
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):  # nothing is served yet
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if not _stopping.is_set():
            _stopping.set()
            _take_leave()
        stop(signal.SIGTERM, None)


def _take_leave() -> None:
    with contextlib.ExitStack() as stack:
        listeners = [found for found in map(stack.enter_context, open_sockets()) if _listens(found)]
        ports = {listener.getsockname()[1] for listener in listeners}
        deadline = time.monotonic() + FAREWELL
        while _has_connections(ports) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        ignoring = [_ignores_newcomers(listener) for listener in listeners]
        if any(ignoring):
            time.sleep(LAST_ARRIVALS)


def open_sockets() -> Iterator[socket.socket]:
    """This process's TCP sockets, each under a descriptor of its own."""
    for path in Path("/proc/self/fd").iterdir() if sys.platform == "linux" else []:
        with contextlib.suppress(OSError):  # gone meanwhile
            if not path.is_socket():
                continue
            found = socket.socket(fileno=os.dup(int(path.name)))
            if found.type == socket.SOCK_STREAM and found.family in {socket.AF_INET, socket.AF_INET6}:
                yield found
            else:
                found.close()


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _has_connections(ports: set[int]) -> bool:
    """Whether somebody is connected to one of these ports here."""
    is_connected = False
    for found in open_sockets():
        with found, contextlib.suppress(OSError):  # without another end
            found.getpeername()
            is_connected |= found.getsockname()[1] in ports
    return is_connected


def _ignores_newcomers(listener: socket.socket) -> bool:
    """Have a listening socket ignore who wants to connect; whether the system can."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in DROP_SYN))
    option = struct.pack("HP", len(DROP_SYN), ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, option)
        return True
    return False
