"""Traces for an OpenTelemetry collector: one for each request, with a span for each query of it.

Nothing here is imported unless OTEL_EXPORTER_OTLP_ENDPOINT is set. A trace holds what is named here and nothing else:
no path, parameter, header, address, statement or person. OpenTelemetry's own instrumentation of Django and of databases
would send most of these, and answer a wrong Host before our middleware does.
"""

import re
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest, HttpResponse

from reprotech import __version__
from reprotech.core.request_context import current_origin
from reprotech.monitoring.metrics import METHODS

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError:
    raise ImproperlyConfigured(
        "OTEL_EXPORTER_OTLP_ENDPOINT needs packages that aren't installed. "
        "Do: .venv/bin/python -m pip install -r requirements-tracing.txt"
    ) from None

SERVER_ERROR = 500
#: The verb of a statement, and the tables that it names.
VERB = re.compile(r"\s*([A-Za-z]+)")
TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([a-z_]\w*)', re.IGNORECASE)


def start() -> None:
    """Send spans from now on, in a thread of this process: not before it was forked."""
    trace.set_tracer_provider(make_provider())


def make_provider() -> TracerProvider:
    resource = Resource.create(
        {"service.name": "reprotech", "service.version": __version__, "service.instance.id": settings.INSTANCE}
    )
    provider = TracerProvider(resource=resource)
    address = f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return provider


class TracingMiddleware:
    """A trace of each request. It begins here: an id that the caller sends isn't taken over, since anybody can."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._tracer = trace.get_tracer("reprotech", __version__)
        self._tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        method = request.method if request.method in METHODS else "_OTHER"
        # The log's lines of this request have the same id.
        attributes = {"http.request.method": method, "reprotech.request_id": current_origin().request_id}
        span = self._span(method, SpanKind.SERVER, attributes)
        with span as current, connection.execute_wrapper(self._trace_query):
            response = self.get_response(request)
            match = request.resolver_match
            route = f"/{match.route}" if match else "unmatched"
            current.update_name(f"{method} {route}")
            current.set_attributes({"http.route": route, "http.response.status_code": response.status_code})
            if response.status_code >= SERVER_ERROR:
                current.set_status(Status(StatusCode.ERROR))
        return response

    def _trace_query(
        self, execute: Callable[..., Any], sql: object, params: object, many: bool, context: dict[str, Any]
    ) -> Any:
        verb, tables = VERB.match(str(sql)), [name for name in TABLE.findall(str(sql)) if name in self._tables]
        name = verb[1].upper() if verb else "QUERY"
        attributes = {"db.system.name": connection.vendor, "db.operation.name": name}
        if tables:
            attributes["db.collection.name"] = tables[0]
        with self._span(" ".join([name, *tables[:1]]), SpanKind.CLIENT, attributes) as span:
            try:
                return execute(sql, params, many, context)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def _span(self, name: str, kind: SpanKind, attributes: dict[str, str]) -> Any:
        # The text of an exception may hold what someone typed.
        return self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        )
