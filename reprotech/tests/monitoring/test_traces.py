"""Traces reach a collector, hold nothing that names a person or is secret, and cost nothing while they are off."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from reprotech.monitoring import tracing
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller, page_client
from reprotech.testing.commands import evaluate

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
MIDDLEWARE = "reprotech.monitoring.tracing.TracingMiddleware"
REQUEST = {"http.request.method", "http.route", "http.response.status_code", "reprotech.request_id"}
QUERY = {"db.system.name", "db.operation.name", "db.collection.name", "error.type"}
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ADDRESS, AGENT, SEARCH = "198.51.100.77", "Marker-Agent/7", "Marker-Search"


@pytest.fixture
def collector():
    """A tiny OTLP receiver: its address, and the bodies that came."""
    bodies = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_trace_holds_no_secret_token_parameter_or_personal_data(db, cast, settings, collector):
    settings.OTEL_EXPORTER_OTLP_ENDPOINT, bodies = collector
    settings.MIDDLEWARE = [settings.MIDDLEWARE[0], MIDDLEWARE, *settings.MIDDLEWARE[1:]]
    tracing.start()  # the library takes one for a process; nothing else in these tests makes spans
    manager = cast.manager
    headers = {"HTTP_TRACEPARENT": f"00-{TRACE_ID}-b7ad6b7169203331-01", "HTTP_BAGGAGE": f"who={SEARCH}"}

    caller = Caller(manager, address=ADDRESS, user_agent=AGENT)
    answer = caller.call("GET", f"/api/users?search={SEARCH}", **headers)
    strangers = Caller(address=ADDRESS, user_agent=AGENT)
    strangers.call("POST", "/api/auth/login", {"username": manager.username, "password": PASSWORD})
    strangers.call("GET", f"/api/users/{SEARCH}/{manager.username}")
    page_client(manager).get(f"/users/{manager.pk}", {"tab": SEARCH})
    page_client(manager).get(f"/set-password/MQ/{SEARCH}")
    trace.get_tracer_provider().shutdown()

    everything = b"".join(bodies)
    for text in (ADDRESS, AGENT, SEARCH, PASSWORD, manager.username, manager.email, caller.token, "eyJ"):
        assert text.encode() not in everything, text
    assert bytes.fromhex(TRACE_ID) not in everything
    spans = spans_of(bodies)
    assert {*spans} >= {"GET /api/users", "POST /api/auth/login", "GET /users/<int:user_id>", "GET /"}
    for name, attributes in spans.items():
        assert attributes.keys() <= (QUERY if "db.operation.name" in attributes else REQUEST), name
    listed = spans["GET /api/users"]
    assert listed["reprotech.request_id"] == answer["X-Request-ID"]
    assert listed["http.response.status_code"] == 200
    assert spans["SELECT users"]["db.collection.name"] == "users"


def spans_of(bodies):
    """The attributes of every span, by name."""
    found = {}
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            assert "service.instance.id" in {each.key for each in resource.resource.attributes}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                values = {each.key: each.value for each in span.attributes}
                found[span.name] = {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}
                assert not span.events
    return found


def load_server(**changed):
    code = """
import sys
if "--hide" in {hidden!r}:
    sys.modules["opentelemetry"] = None
import reprotech.wsgi
# The client of Redis looks for the library itself.
print({{"reprotech.monitoring.tracing", "opentelemetry.exporter"}} <= sys.modules.keys())
"""
    hidden = ["--hide"] if changed.pop("hide", False) else []
    return evaluate(code.format(hidden=hidden), env=os.environ | {ENDPOINT: "", **changed})


@pytest.mark.only_on("sqlite")
def test_without_a_collector_nothing_of_it_is_imported():
    assert load_server().stdout.strip().endswith("False")
    assert load_server(**{ENDPOINT: "http://127.0.0.1:4318"}).stdout.strip().endswith("True")


@pytest.mark.only_on("sqlite")
def test_without_its_packages_the_start_says_what_to_do():
    refused = load_server(hide=True, **{ENDPOINT: "http://127.0.0.1:4318"})
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("pip install -r requirements-tracing.txt")


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("address", ["collector:4318", "ftp://c", "http://", "http://me:Zq7@c:4318", "http://c?x=Zq7"])
def test_an_address_that_is_none_is_refused_without_being_repeated(address):
    refused = load_server(**{ENDPOINT: address})
    assert f"{ENDPOINT} must be an address such as http://collector:4318" in refused.stderr
    assert "Zq7" not in refused.stderr
