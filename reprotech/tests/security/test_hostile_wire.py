"""What only a raw socket can send: requests smuggled behind others, and HTTP that is none."""

import re
import socket
import sqlite3
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial

import pytest

from reprotech.testing.plugin import start_server
from reprotech.tests.security.attack_lab import Lab, log_faults, server_variables

pytestmark = pytest.mark.only_on("sqlite")  # HTTP is read before a database is asked; one process has the least room


@pytest.fixture(scope="module")
def lab(stack, processes):
    """A server with people in it."""
    server = start_server(processes, stack, **server_variables())
    lab = Lab(server)
    lab.settle()
    yield lab
    lab.close()
    processes.stop(server.process)


#: Seconds; a request behind another is answered within milliseconds.
SILENCE = 3


def exchange(lab, content):
    """Send bytes and return all that comes back until the server hangs up or has been silent for a while."""
    received = b""
    # It may hang up before everything is sent, or wait for more of what is no request.
    with suppress(ConnectionError, TimeoutError), socket.create_connection((lab.host, lab.port), timeout=60) as sent:
        sent.sendall(content)
        sent.settimeout(SILENCE)
        while chunk := sent.recv(65_536):
            received += chunk
    return received


def head(lab, line, *headers, end="\r\n"):
    return end.join([line, f"Host: {lab.authority}", *headers, "", ""]).encode("latin-1")


def statuses_of(received):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


def test_a_request_behind_another_is_answered_where_it_hides_in_nothing(lab):
    """So it would show if the server took a body's end for an earlier one."""
    bearer = f"Authorization: Bearer {lab.admin['access_token']}"
    first = head(lab, "POST /api/auth/refresh HTTP/1.1", "Content-Length: 0")
    assert statuses_of(exchange(lab, first + head(lab, "GET /api/auth/me HTTP/1.1", bearer))) == [400, 200]


def smuggling(lab):
    """A harmless request of a stranger, and behind it, in what may be its body, one of the administrator."""
    bearer = f"Authorization: Bearer {lab.admin['access_token']}"
    hidden = head(lab, f"DELETE /api/users/{lab.ids['user_id']} HTTP/1.1", bearer)
    length = f"Content-Length: {len(hidden)}"
    post = "POST /api/auth/refresh HTTP/1.1"
    chunked = b"0\r\n\r\n"
    for encoding in (
        "Transfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: Chunked\x0b",
        "transfer-encoding: chunked\r\nTransfer-Encoding: x",
        "X: x\nTransfer-Encoding: chunked",
        "Transfer-Encoding\r\n : chunked",
    ):
        yield encoding, head(lab, post, encoding, f"Content-Length: {len(chunked + hidden)}") + chunked + hidden
        yield f"{encoding}, length first", head(lab, post, f"Content-Length: {len(hidden)}", encoding) + hidden
    for lengths in ("0", "+0", "0x10", "-1", "1e1", "0, 0", "\xa05", "99999999999999999999999", ""):
        yield f"length {lengths!r} before", head(lab, post, f"Content-Length: {lengths}", length) + hidden
        yield f"length {lengths!r} after", head(lab, post, length, f"Content-Length: {lengths}") + hidden
    for size in ("-1", "0x5", "5;x=\x00", "fffffffffffffffff", "g", "5\n", " 5"):
        yield f"chunk {size!r}", head(lab, post, "Transfer-Encoding: chunked") + f"{size}\r\n".encode() + hidden


def nonsense(lab):
    """What no client says."""
    get = "GET /api/users HTTP/1.1"
    yield "no host", b"GET / HTTP/1.1\r\n\r\n"
    yield "two hosts", head(lab, get, "Host: evil.example")
    yield "another host in the address", head(lab, "GET http://evil.example/api/users HTTP/1.1")
    yield "HTTP/0.9", b"GET /api/users\r\n"
    yield "HTTP/9.9", head(lab, "GET / HTTP/9.9")
    yield "HTTP/2 by prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64)
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    yield "bare line feeds", head(lab, get, end="\n")
    yield "bare carriage returns", head(lab, get, end="\r")
    yield "NUL in a header", head(lab, get, "X: a\x00b")
    yield "NUL in a name", head(lab, get, "X\x00: a")
    yield "a blank in a name", head(lab, get, "X Y: a")
    yield "a folded header", head(lab, get, "X: a\r\n\tb")
    yield "a line without a colon", head(lab, get, "nothing")
    yield "a control character in the address", head(lab, "GET /\x01\x7f HTTP/1.1")
    yield "raw bytes in the address", head(lab, "GET /\xff\xfe\xed\xa0\x80 HTTP/1.1")
    yield "an address of 100 KB", head(lab, f"GET /{'a' * 100_000} HTTP/1.1")
    yield "a header of 500 KB", head(lab, get, f"X: {'a' * 500_000}")
    yield "ten thousand headers", head(lab, get, *(f"X-{number}: a" for number in range(10_000)))
    yield "a method of 10 KB", head(lab, f"{'A' * 10_000} / HTTP/1.1")
    yield "a method with a blank", head(lab, "GET  /  HTTP/1.1")
    yield "an unfinished head", head(lab, get)[:-3]
    yield "less than its length", head(lab, "POST /api/auth/login HTTP/1.1", "Content-Length: 1000") + b"{}"
    yield "upgrade", head(lab, get, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    yield "h2c", head(lab, get, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    yield "expect", head(lab, "POST /api/auth/login HTTP/1.1", "Expect: 100-continue", "Content-Length: 5") + b"{}   "
    yield "expect nonsense", head(lab, "POST /api/auth/login HTTP/1.1", "Expect: x", "Content-Length: 2") + b"{}"
    yield "a hop by hop authorization", head(lab, get, "Connection: close, Authorization, Host")
    yield "nothing", b"\r\n" * 100
    yield "noise", bytes(range(256)) * 40


@pytest.mark.parametrize("kind", [smuggling, nonsense])
def test_what_is_no_http_gets_no_answer_or_a_refusal_and_hides_no_request(lab, kind):
    before, (_, newest), written = lab.tables(), lab.recorded(), len(lab.log())
    found = {}
    names, contents = zip(*kind(lab), strict=True)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(partial(exchange, lab), contents))
    for name, received in zip(names, answers, strict=True):
        statuses = statuses_of(received)
        if any(status >= 500 or status == 200 for status in statuses) or lab.signs.search(received):
            found[name] = (statuses, received[:200])
    assert found == {}
    assert lab.tables() == before
    assert lab.recorded(newest)[0] == set()
    assert lab.call("GET", "/api/health/live") == {"status": "alive"}
    assert log_faults(lab, written) == []


def chunks(*parts):
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def renaming(lab, *headers):
    """The head of a request by which the administrator changes somebody's first name."""
    bearer = f"Authorization: Bearer {lab.admin['access_token']}"
    line = f"PATCH /api/users/{lab.ids['user_id']} HTTP/1.1"
    return head(lab, line, bearer, "Content-Type: application/json", *headers)


def first_name(lab):
    path = f"/api/users/{lab.ids['user_id']}"
    return lab.call("GET", path, token=lab.admin["access_token"])["first_name"]


def test_a_body_in_chunks_is_taken_and_the_connection_goes_on(lab):
    first = renaming(lab, "Transfer-Encoding: chunked") + chunks(b'{"first', b'_name": "Chunk', b'ed"}', b"")
    waiting = renaming(lab, "Transfer-Encoding: chunked", "Expect: 100-continue", "Connection: close")
    received = exchange(lab, first + waiting + chunks(b'{"first_name": "Waited"}', b""))
    assert [status for status in statuses_of(received) if status != 100] == [200, 200]
    assert re.findall(rb'"first_name":"(\w+)"', received) == [b"Chunked", b"Waited"]
    assert first_name(lab) == "Waited"


def test_a_body_that_breaks_off_changes_nothing_and_is_no_failure_of_the_server(lab):
    name, written = first_name(lab), len(lab.log())
    body = b'{"first_name": "Broken"}'
    for content in (
        renaming(lab, f"Content-Length: {len(body) + 1}") + body,
        renaming(lab, "Transfer-Encoding: chunked") + chunks(body)[:-4],
        renaming(lab, "Transfer-Encoding: chunked") + chunks(body[:10]) + b"zz\r\n",
    ):
        with socket.create_connection((lab.host, lab.port), timeout=60) as sent:
            sent.sendall(content)
            sent.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                assert statuses_of(sent.recv(65_536)) in ([], [400])
    assert first_name(lab) == name
    assert log_faults(lab, written) == []


@pytest.mark.parametrize("ending", ["closed", "reset"])
@pytest.mark.parametrize("content_type", ["text/csv", "application/x-www-form-urlencoded"])
def test_a_file_or_form_that_breaks_off_changes_nothing(lab, ending, content_type):
    """What was sent is whole by itself: only the end that chunks have shows that more was to come."""
    token, before = lab.admin["access_token"], lab.tables()
    body, path = b"username,email,roles\ncut-off,cut-off@lab.example,viewer\n", "/api/users/import"
    if content_type != "text/csv":
        body, path = b"", f"/api/users/{lab.ids['user_id']}/lock"
    headers = [f"Authorization: Bearer {token}", f"Content-Type: {content_type}", "Transfer-Encoding: chunked"]
    with socket.create_connection((lab.host, lab.port), timeout=60) as sent:
        sent.sendall(head(lab, f"POST {path} HTTP/1.1", *headers) + chunks(*[body] if body else []))
        time.sleep(0.2)  # so that it is being read
        if ending == "reset":
            sent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            sent.shutdown(socket.SHUT_WR)
            assert statuses_of(sent.recv(65_536)) == [400]
    time.sleep(1.5)  # a change that nobody hears of would be made by now
    assert lab.tables() == before


def test_a_form_in_chunks_is_taken_while_the_same_client_closes_other_connections(lab):
    token = lab.admin["access_token"]
    headers = [f"Authorization: Bearer {token}", "Content-Type: application/x-www-form-urlencoded", "Connection: close"]
    form = head(lab, "POST /api/auth/introspect HTTP/1.1", *headers, "Transfer-Encoding: chunked")
    idle = [socket.create_connection((lab.host, lab.port), timeout=60) for _ in range(50)]
    for connection in idle:
        connection.close()
    received = exchange(lab, form + chunks(f"token={token}".encode(), b""))
    assert statuses_of(received) == [200], received


@pytest.mark.parametrize("ending", ["closed", "reset"])
def test_a_form_in_chunks_is_taken_while_others_leave_before_they_are_answered(lab, ending):
    """Who sends two requests at once and leaves keeps a connection that is closed at the other end."""
    token, body = lab.admin["access_token"], b'{"username": "nobody-here", "password": "Wrong-Horse-7"}'
    json = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    signing_in = head(lab, "POST /api/auth/login HTTP/1.1", *json) + body
    headers = [f"Authorization: Bearer {token}", "Content-Type: application/x-www-form-urlencoded", "Connection: close"]
    form = head(lab, "POST /api/auth/introspect HTTP/1.1", *headers, "Transfer-Encoding: chunked")
    database = sqlite3.connect(lab.server.env["DATABASE_URL"].removeprefix("sqlite:///"), isolation_level=None)
    with closing(database), ThreadPoolExecutor(1) as pool:
        database.execute("BEGIN IMMEDIATE")  # a refused sign-in is recorded, so it waits
        with socket.create_connection((lab.host, lab.port), timeout=60) as other:
            other.sendall(signing_in * 2)
            time.sleep(0.1)
            if ending == "reset":
                other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        answer = pool.submit(exchange, lab, form + chunks(f"token={token}".encode(), b""))
        time.sleep(0.4)
        database.execute("ROLLBACK")
        assert statuses_of(answer.result()) == [200]


def test_a_body_in_chunks_is_refused_beyond_its_limit(lab):
    endless = renaming(lab, "Transfer-Encoding: chunked", "Connection: close") + chunks(*[b" " * 65_536] * 40, b"")
    assert statuses_of(exchange(lab, endless))[:1] == [413]


def test_many_unfinished_requests_leave_room_for_others(lab):
    idle = [socket.create_connection((lab.host, lab.port), timeout=60) for _ in range(200)]
    try:
        for connection in idle:
            connection.sendall(b"POST /api/auth/login HTTP/1.1\r\nContent-Length: 10\r\nHost: ")
        assert lab.call("GET", "/api/health")["status"] == "healthy"
    finally:
        for connection in idle:
            connection.close()
