"""Prometheus metrics of all worker processes (PROMETHEUS_MULTIPROC_DIR is set by scripts/server)."""

import os
from functools import cache
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from reprotech.core.request_context import current_origin
from reprotech.monitoring import pool_metrics
from reprotech.monitoring.collectors import StateCollector
from reprotech.web.access import PUBLIC, requires
from reprotech.web.errors import error_response

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ["method", "endpoint", "status"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer an HTTP request.", ["method", "endpoint"])


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


@requires(PUBLIC)  # the scraper has no account: it has the token, or is on this machine
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_scrape(request):
        return error_response(request, 403)
    pool_metrics.sample()
    registry: CollectorRegistry = REGISTRY
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        pool_metrics.remove_dead_processes(directory)
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
