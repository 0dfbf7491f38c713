"""The server: granian, with the application loaded before its worker processes begin.

They are copies of the main process, so it is loaded once, whatever their number, and they share the memory that it
takes. The main process itself answers nothing. What must not be shared, connections and threads, isn't there yet when
it begins to serve. A new version needs a restart: workers that replace others are copies of the same main process.
"""

import gc
import os
import socket
import sys
from contextlib import nullcontext, suppress
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

#: What `scripts/server` runs with, on a bench; `deploy/serve` sets its own.
DEFAULTS = {"HOST": "127.0.0.1", "PORT": "5001", "WORKERS": "1"}
#: Seconds that a worker which was told to stop gets to finish its requests.
DEFAULT_KILL_TIMEOUT = "10"


def main() -> None:
    """Serve until told to stop."""
    load()
    serve()


def load() -> None:
    """Load the application with all its addresses; ends the program with a sentence when its settings are wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reprotech.settings")
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(directory).mkdir(parents=True, exist_ok=True)

    from reprotech import wsgi  # noqa: F401, I001 (starts Django, without which no model can be imported)
    from accounts import housekeeping  # noqa: F401
    from audit.worker import supervisor  # noqa: F401
    from django.urls import get_resolver

    _ = get_resolver().url_patterns


def refuse_exposed_debugging(host: str) -> None:
    """End the program when DEBUG is on and others than this machine could reach it."""
    if settings.DEBUG and not is_loopback(host):
        sys.exit(
            f"Reprotech can't start: with DEBUG=true everybody who reaches {host} would see code and could sign in "
            "with the documented password. Set DEBUG=false, and a password is made and printed once; or HOST=127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Whether a host to listen on, a name or an address, is reached from this machine alone."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ip_address(address[0].partition("%")[0]).is_loopback for *_, address in found)  # type: ignore[union-attr]


def serve() -> None:
    """Serve what `load` loaded, until told to stop."""
    from accounts.throttling import shared_counters

    chosen = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    refuse_exposed_debugging(chosen["HOST"])
    try:
        port, workers = int(chosen["PORT"]), int(chosen["WORKERS"])
    except ValueError:
        sys.exit("PORT and WORKERS must be whole numbers.")
    _close_connections()
    gc.collect()
    gc.freeze()  # a collection would write into the memory that is shared
    try:
        with shared_counters.shared_file() if workers > 1 else nullcontext():
            _serve(chosen["HOST"], port, workers)
    finally:
        _remove_counters()


def _serve(address: str, port: int, workers: int) -> None:
    Server(
        "reprotech.server.wsgi_worker:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        blocking_threads=settings.THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=int(os.environ.get("KILL_TIMEOUT") or DEFAULT_KILL_TIMEOUT),
        # Not warning: granian warns of more threads than cores, but these wait for the database most of the time.
        log_level=LogLevels.error,
    ).serve()


def _remove_counters() -> None:
    if name := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        directory = Path(name)
        with suppress(OSError):  # it may be a mount
            for path in (*directory.glob("*.db"), directory / "audit-worker.lock"):
                path.unlink(missing_ok=True)
            directory.rmdir()


def _close_connections() -> None:
    from django.db import connection, connections

    connections.close_all()
    if getattr(connection, "pool", None):
        connection.close_pool()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
