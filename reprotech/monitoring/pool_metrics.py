"""Metrics of the connection pools of all processes of a server.

No process can see another one's pool: each records its own every few seconds, and the scraped one adds them up.
"""

import os
from pathlib import Path

from django.db import connection
from prometheus_client import Gauge
from prometheus_client.multiprocess import mark_process_dead

from reprotech.core.background import PeriodicThread

#: Prometheus scrapes less often.
SAMPLE_SECONDS = 5

CONNECTIONS = Gauge(
    "reprotech_database_pool_connections",
    "Connections to the database of all processes of this server.",
    ["state"],
    multiprocess_mode="livesum",
)
LIMIT = Gauge("reprotech_database_pool_limit", "Connections they open at most.", multiprocess_mode="livesum")
WAITING = Gauge(
    "reprotech_database_pool_waiting",
    "Requests of all processes of this server that wait for a connection.",
    multiprocess_mode="livesum",
)


def start() -> None:
    sample()
    PeriodicThread("pool-metrics", sample, SAMPLE_SECONDS, problem="The pool of connections can't be measured.").start()


def sample() -> None:
    """Record this process's pool, if it has one."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        return
    statistics = pool.get_stats()
    idle = statistics.get("pool_available", 0)
    CONNECTIONS.labels("idle").set(idle)
    CONNECTIONS.labels("used").set(statistics.get("pool_size", 0) - idle)
    LIMIT.set(statistics.get("pool_max", 0))
    WAITING.set(statistics.get("requests_waiting", 0))


def remove_dead_processes(directory: str) -> None:
    for path in Path(directory).glob("gauge_live*_*.db"):
        process = int(path.stem.rpartition("_")[2])
        if not _is_alive(process):
            mark_process_dead(process, directory)  # type: ignore[no-untyped-call]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
