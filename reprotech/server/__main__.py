"""The server: granian, with the application loaded before the workers are forked.

It is loaded once and its memory is shared. Connections and threads, which must not be shared, start in the workers. A
new version needs a restart: replacements of workers are forked from the same main process.
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

from reprotech.conf.logging import server_logging_config

#: For development; `deploy/serve` sets its own.
DEFAULTS = {"HOST": "127.0.0.1", "PORT": "5001", "WORKERS": "1"}
#: Seconds that a stopping worker gets to finish its requests.
DEFAULT_KILL_TIMEOUT = "10"


def main() -> None:
    load()
    serve()


def load() -> None:
    """Load the application with all its URLs; exits with a sentence when its settings are wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reprotech.settings")
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(directory).mkdir(parents=True, exist_ok=True)

    from reprotech import wsgi  # noqa: F401, I001 (starts Django, without which no model can be imported)
    from accounts import housekeeping  # noqa: F401
    from audit import worker  # noqa: F401
    from django.urls import get_resolver

    from reprotech.documents.library import index_of_words

    _ = get_resolver().url_patterns
    index_of_words()


def refuse_exposed_debugging(host: str) -> None:
    """Exit when DEBUG is on and other machines could reach the server."""
    if settings.DEBUG and not is_loopback(host):
        sys.exit(
            f"Reprotech can't start: with DEBUG=true everybody who reaches {host} would see code and could sign in "
            "with the documented password. Set DEBUG=false, and a password is made and printed once; or HOST=127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Whether a host to listen on, name or address, is reached from this machine alone."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ip_address(address[0].partition("%")[0]).is_loopback for *_, address in found)  # type: ignore[union-attr]


def serve() -> None:
    """Serve what `load` loaded until SIGTERM."""
    from accounts.throttling import shared_counters

    chosen = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    refuse_exposed_debugging(chosen["HOST"])
    try:
        port, workers = int(chosen["PORT"]), int(chosen["WORKERS"])
    except ValueError:
        sys.exit("PORT and WORKERS must be whole numbers.")
    _close_connections()
    gc.collect()
    gc.freeze()  # a collection would write into shared memory
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
        log_dictconfig=server_logging_config(settings.LOG_FORMAT),
    ).serve()


def _remove_counters() -> None:
    if name := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        directory = Path(name)
        with suppress(OSError):  # it may be a mount
            for path in (*directory.glob("*.db"), *directory.glob("audit-worker.*")):
                path.unlink(missing_ok=True)
            directory.rmdir()


def _close_connections() -> None:
    from django.db import connection, connections

    connections.close_all()
    if getattr(connection, "pool", None):
        connection.close_pool()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
