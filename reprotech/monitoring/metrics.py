"""Prometheus metrics of all worker processes (PROMETHEUS_MULTIPROC_DIR is set by scripts/server)."""

import os
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from reprotech.core.background import PeriodicThread
from reprotech.core.request_context import current_origin
from reprotech.monitoring.collectors import StateCollector
from reprotech.web.access import PUBLIC, SAFE, requires
from reprotech.web.errors import error_response

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ["method", "endpoint", "status"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer an HTTP request.", ["method", "endpoint"])

# No process can see another one's pool: each records its own every few seconds, and the scraped one adds them up.
#: Prometheus scrapes less often.
SAMPLE_SECONDS = 5

POOL_CONNECTIONS = Gauge(
    "reprotech_database_pool_connections",
    "Connections to the database of all processes of this server.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_LIMIT = Gauge("reprotech_database_pool_limit", "Connections they open at most.", multiprocess_mode="livesum")
POOL_WAITING = Gauge(
    "reprotech_database_pool_waiting",
    "Requests of all processes of this server that wait for a connection.",
    multiprocess_mode="livesum",
)


def count_request(request: HttpRequest, status: int, seconds: float) -> None:
    """Count a request by route, not by path: a path may name a person."""
    method = request.method if request.method in METHODS else "OTHER"
    match = request.resolver_match
    requests, duration = _counters(method, "/" + match.route if match else "unmatched", status)
    requests.inc()
    duration.observe(seconds)


@cache
def _counters(method: str, endpoint: str, status: int) -> tuple[Counter, Histogram]:
    """Cached, since finding them takes as long as counting."""
    return REQUESTS.labels(method, endpoint, status), DURATION.labels(method, endpoint)


@requires(PUBLIC, SAFE)  # the scraper has no account: it has the token, or is on this machine
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_scrape(request):
        return error_response(request, 403)
    sample_pool()
    registry: CollectorRegistry = REGISTRY
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        remove_dead_processes(directory)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    state = CollectorRegistry()
    state.register(StateCollector())
    return HttpResponse(generate_latest(registry) + generate_latest(state), content_type=CONTENT_TYPE_LATEST)


def may_scrape(request: HttpRequest) -> bool:
    """Whether the request has the METRICS_TOKEN or, where none is set, comes from this machine."""
    if settings.METRICS_TOKEN:
        given = request.META.get("HTTP_AUTHORIZATION", "")
        return constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}")
    # An undeclared proxy on this machine makes everybody's requests look local.
    forwarded = request.META["reprotech.was_forwarded"]
    address = current_origin().ip_address
    return not forwarded and bool(address) and ip_address(address).is_loopback


def start_sampling_pool() -> None:
    sample_pool()
    PeriodicThread(
        "pool-metrics", sample_pool, SAMPLE_SECONDS, problem="The pool of connections can't be measured."
    ).start()


def sample_pool() -> None:
    """Record this process's pool, if it has one."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        return
    statistics = pool.get_stats()
    idle = statistics.get("pool_available", 0)
    POOL_CONNECTIONS.labels("idle").set(idle)
    POOL_CONNECTIONS.labels("used").set(statistics.get("pool_size", 0) - idle)
    POOL_LIMIT.set(statistics.get("pool_max", 0))
    POOL_WAITING.set(statistics.get("requests_waiting", 0))


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
