"""The nginx configurations that we ship, run: what they let through, what they refuse, and what their logs keep."""

import http.client
import http.server
import json
import shutil
import socket
import ssl
import threading
from contextlib import closing

import pytest

from reprotech.testing.plugin import ROOT, require
from reprotech.testing.servers import free_port
from reprotech.tests.support.nginx import NAME, localized, make_certificate, start_nginx

pytestmark = pytest.mark.only_on("sqlite")  # no database takes part

TOKEN = "d0abcd-0123456789"


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = json.dumps({"headers": self.headers.items(), "body": body.decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")  # so that it is gone once it is told to go
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815 (their names in http.server)

    def log_message(self, *_):
        pass


class Proxy:
    """nginx with one of our files in front of a server that answers with what it was sent."""

    def __init__(self, processes, home, file):
        self.home, self.http, self.https = home, free_port(), free_port()
        self.upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        make_certificate(home)
        target = f"127.0.0.1:{self.upstream.server_port}"
        text = (ROOT / "deploy/nginx" / file).read_text().replace("${HOSTNAME_OF_REPROTECH}", NAME)
        servers = ("web:5001", "web-2:5001") if "compose" in file else ("127.0.0.1:5001", "127.0.0.1:5002")
        upstreams = {f"server {server} ": f"server {target} " for server in servers}
        text = localized(text, home, self.http, self.https, upstreams)
        self.process = start_nginx(processes, home, text, lambda: self.ask("GET /probe HTTP/1.1"))

    def connect(self, name=NAME):
        context = ssl.create_default_context(cafile=self.home / "fullchain.pem")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.https), timeout=30)
        return context.wrap_socket(plain, server_hostname=name)

    def ask(self, line, *headers, host=NAME, body=b"", connect=None):
        """(status, body) of the answer to a request; (0, b"") when the connection was closed without one."""
        head = "\r\n".join([line, f"Host: {host}", "Connection: close", *headers, "", ""])
        with closing(connect() if connect else self.connect()) as connection:
            connection.sendall(head.encode("latin-1") + body)
            answer = http.client.HTTPResponse(connection)
            try:
                answer.begin()
            except http.client.HTTPException:
                return 0, b""
            return answer.status, answer.read()

    def plain(self):
        return socket.create_connection(("127.0.0.1", self.http), timeout=30)

    def logged(self):
        """Everything that nginx wrote."""
        return {path.name: path.read_text() for path in self.home.glob("*.log")}


@pytest.fixture(scope="module", params=["reprotech.conf", "compose.conf.template"])
def proxy(request, processes, tmp_path_factory):
    require(shutil.which("nginx"), "nginx")
    proxy = Proxy(processes, tmp_path_factory.mktemp("nginx"), request.param)
    yield proxy
    processes.stop(proxy.process)
    proxy.upstream.shutdown()
    proxy.upstream.server_close()


def test_no_log_keeps_the_token_of_a_link(proxy):
    links = [f"/set-password/Mg/{TOKEN}", f"/confirm-email/Mg/{TOKEN}", f"//set-password/Mg/{TOKEN}"]
    links += [f"/set%2Dpassword/Mg/{TOKEN}", f"/x/../set-password/Mg/{TOKEN}", f"/users?search={TOKEN}"]
    for link in links:
        assert proxy.ask(f"GET {link} HTTP/1.1", f"Referer: https://{NAME}{link}")[0] == 200
        assert proxy.ask(f"GET {link} HTTP/1.1", connect=proxy.plain)[0] == 301
        # Whoever it wasn't sent to: refused, but perhaps logged.
        assert proxy.ask(f"GET {link} HTTP/1.1", host="other.example", connect=proxy.plain) == (0, b"")
    proxy.ask(f"GET /set-password/Mg/{TOKEN} HTTP/1.1", "Content-Length: 7000000")
    logs = proxy.logged()
    assert {name for name, text in logs.items() if TOKEN in text} == set()
    assert 'GET /set-password/... HTTP/1.1" 200' in logs["access.log"]
    assert f'"https://{NAME}"' in logs["access.log"]
    assert "GET /users HTTP" in logs["access.log"]


@pytest.mark.parametrize(
    "path",
    [
        *[
            "/metrics",
            "/metrics/",
            "/metrics?x=1",
            "/%6Detrics",
            "/metrics%2F",
            "//metrics",
            "/./metrics",
            "/x/../metrics",
        ],
        *["/metrics;x", "/metrics//", "/metrics%3Fx"],
    ],
)
def test_figures_are_not_for_the_world(proxy, path):
    assert proxy.ask(f"GET {path} HTTP/1.1")[0] == 404


def test_whoever_asks_for_another_name_gets_no_answer(proxy):
    for host in ("evil.example", "127.0.0.1", f"{NAME}.evil.example", ""):
        assert proxy.ask("GET / HTTP/1.1", host=host, connect=proxy.plain)[0] in {0, 400}
        assert proxy.ask("GET / HTTP/1.1", host=host)[0] in {0, 400, 421}
    for name in ("evil.example", None):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            proxy.connect(name)
    assert proxy.ask("GET / HTTP/1.1", connect=proxy.plain)[0] == 301


def test_what_a_client_says_of_the_way_here_does_not_arrive(proxy):
    claims = ["X-Forwarded-For", "X_Forwarded_For", "X-Forwarded-Proto", "X_Forwarded_Proto", "X-Request-ID"]
    claims += ["X_Request_ID", "X-Forwarded-Host", "X_Forwarded_Host", "Forwarded", "X-Forwarded_For"]
    _, body = proxy.ask("GET / HTTP/1.1", *(f"{name}: 198.51.100.1" for name in claims))
    arrived = json.loads(body)["headers"]
    assert [value for _, value in arrived if "198.51.100.1" in value] == []
    assert ["X-Forwarded-For", "127.0.0.1"] in arrived
    assert ["X-Forwarded-Proto", "https"] in arrived


@pytest.mark.parametrize(
    ("agent", "cookie", "agent_arrives", "cookie_arrives"),
    [
        ("lab/1.0", "a=1; b=2", "lab/1.0", "a=1; b=2"),
        ("Z\xfcrich/1.0", "a=1; x=\xe9; b=2", "Z?rich/1.0", "a=1;; b=2"),
        ("\xc3\xbcber\xff/1", "x=\xe9t\xe9; a=1", "?ber", "; a=1"),
        ("lab", "a=1; x=\xff", "lab", "a=1;"),
        ("\xff", "x=\xff", "?", None),
    ],
)
def test_a_header_of_which_one_byte_is_not_ascii_is_not_lost(proxy, agent, cookie, agent_arrives, cookie_arrives):
    _, body = proxy.ask("GET / HTTP/1.1", f"User-Agent: {agent}", f"Cookie: {cookie}")
    arrived = dict(json.loads(body)["headers"])
    assert (arrived["User-Agent"], arrived.get("Cookie")) == (agent_arrives, cookie_arrives)


def test_a_token_with_many_roles_passes(proxy):
    token = "x" * 60_000
    _, body = proxy.ask("GET / HTTP/1.1", f"Authorization: Bearer {token}")
    assert dict(json.loads(body)["headers"])["Authorization"] == f"Bearer {token}"


def test_a_chunked_body_arrives(proxy):
    chunks = b"5\r\nhello\r\n4\r\n you\r\n0\r\n\r\n"
    status, body = proxy.ask("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=chunks)
    assert (status, json.loads(body)["body"]) == (200, "hello you")


def test_no_log_keeps_a_token_while_the_server_does_not_answer(proxy):
    """The last one: the server is gone then."""
    proxy.upstream.shutdown()
    proxy.upstream.server_close()
    for path in (f"/set-password/Mg/{TOKEN}", f"/confirm-email/Mg/{TOKEN}"):
        assert proxy.ask(f"GET {path} HTTP/1.1")[0] == 502
    assert proxy.ask("GET /seen HTTP/1.1")[0] == 502
    assert "/seen" in proxy.logged()["error.log"]
    assert {name for name, text in proxy.logged().items() if TOKEN in text} == set()
