"""The one load generator for all servers, run as a program: requests and length of the run by JSON on standard input.

It keeps so many connections busy, one request at a time on each, from one thread and by raw sockets: what it costs is
little and the same for every server. A server that closes connections pays for opening them anew. At the end nothing
more is sent, and what is on its way is waited for and counted.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from itertools import cycle, islice

from benchmarks.harness.results import quantile

PATIENCE = 180.0  # seconds for what is on its way at the end
SAMPLES = 3  # answers that were not expected, to show


class Connection:
    """One connection and the answer that it waits for."""

    def __init__(self, address, requests):
        self._address = address
        self._requests = requests
        self._received = b""
        self._socket = None
        self.began = 0.0

    def fileno(self):
        """For poll."""
        return self._socket.fileno()

    def send(self):
        """The next request; opening the connection is part of what it takes. Returns whether it was opened."""
        self.began = time.perf_counter()
        is_new = self._socket is None
        if is_new:
            self._socket = socket.create_connection(self._address, timeout=PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._socket.sendall(next(self._requests))
        return is_new

    def receive(self):
        """(status, whole answer) once it is there, else None."""
        part = self._socket.recv(1 << 18)
        self._received += part
        answer = parse(self._received, is_closed=not part)
        if not part and answer is None:
            raise ConnectionError(f"closed within an answer: {self._received[:200]!r}")
        return answer

    def close(self):
        """The next request opens it again."""
        self._socket.close()
        self._socket = None

    @property
    def is_open(self):
        """Whether it is there from an earlier request."""
        return self._socket is not None


def parse(received, *, is_closed):
    """(status, whether the connection ends, body) of an answer that is complete, else None."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    status = int(head[9:12])
    lines = head.lower().split(b"\r\n")[1:]
    headers = dict(line.split(b":", 1) for line in lines)
    is_last = is_closed or headers.get(b"connection", b"").strip() == b"close"
    if status in {204, 304}:
        is_complete = True
    elif b"content-length" in headers:
        is_complete = len(body) >= int(headers[b"content-length"])
    elif b"chunked" in headers.get(b"transfer-encoding", b""):
        is_complete = body.endswith(b"0\r\n\r\n")
    else:
        is_complete = is_closed
    return (status, is_last, body) if is_complete else None


class Run:
    """So many connections for so many seconds; with `pause`, each waits so long after an answer."""

    def __init__(self, *, address, requests, connections, seconds, expected, pause=0.0):
        self._poll = select.epoll()
        self._open, self._idle = {}, {}
        self._waiting = deque()
        self._expected = set(expected)
        self._pause = pause
        self._seconds = seconds
        # Each begins elsewhere in the requests, so that they don't go in step.
        step = max(1, len(requests) // connections)
        self._connections = [
            Connection(address, cycle([*islice(cycle(requests), start, start + len(requests))]))
            for start in range(0, connections * step, step)
        ]
        self.times, self.unexpected = [], []
        self.elapsed = 0.0

    def go(self):
        """Run; the figures are in the attributes then."""
        began = last = time.perf_counter()
        deadline = began + self._seconds
        spread = self._pause / len(self._connections)
        self._waiting.extend((began + number * spread, one) for number, one in enumerate(self._connections))
        while self._waiting or self._open:
            now = time.perf_counter()
            if now > deadline + PATIENCE:
                raise TimeoutError("answers are still missing")
            while self._waiting and (now >= deadline or self._waiting[0][0] <= now):
                _, connection = self._waiting.popleft()
                if now < deadline:
                    self._send(connection)
            for number, _ in self._poll.poll(0.2 if self._open and not self._pause else 0.005):
                if number in self._open:
                    last = self._receive(self._open[number]) or last
                else:
                    self._idle.pop(number).close()  # the server is tired of it
        for connection in self._idle.values():
            connection.close()
        self._poll.close()
        # A run with pauses is as long as it was meant to be: its rate says nothing about the server.
        self.elapsed = self._seconds if self._pause else last - began

    def _send(self, connection):
        if connection.is_open:
            self._idle.pop(connection.fileno())
        if connection.send():
            self._poll.register(connection, select.EPOLLIN)
        self._open[connection.fileno()] = connection

    def _receive(self, connection):
        answer = connection.receive()
        if answer is None:
            return None
        now = time.perf_counter()
        status, is_last, body = answer
        self.times.append(now - connection.began)
        if status not in self._expected and len(self.unexpected) < SAMPLES:
            self.unexpected.append(f"{status}: {body[:300].decode(errors='replace')}")
        number = connection.fileno()
        del self._open[number]
        if is_last:
            connection.close()  # which takes it off the poll
        else:
            self._idle[number] = connection
        self._waiting.append((now + self._pause, connection))
        return now


def main():
    """Read the order, run, write the figures."""
    order = json.load(sys.stdin)
    order["address"] = tuple(order["address"])
    order["requests"] = [text.encode("latin-1") for text in order["requests"]]
    run = Run(**order)
    run.go()
    json.dump(summary(run.times, run.elapsed, run.unexpected), sys.stdout)


def summary(times, elapsed, unexpected=()):
    """What every measurement gives: answers a second and milliseconds."""
    return {
        "rate": len(times) / elapsed,
        "p50": quantile(times, 0.5) * 1000,
        "p95": quantile(times, 0.95) * 1000,
        "count": len(times),
        "unexpected": list(unexpected),
    }


if __name__ == "__main__":
    main()
