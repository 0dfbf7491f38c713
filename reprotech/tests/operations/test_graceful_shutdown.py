"""A process that is told to stop answers whoever is connected to it already."""

import signal
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection

import pytest

from reprotech.server import graceful_shutdown
from reprotech.testing.cast import eventually
from reprotech.testing.plugin import ROOT, start_server

# It is about processes and connections, which are the same whatever the database.
pytestmark = pytest.mark.only_on("postgresql")

#: Accepts slowly what the kernel accepted long ago, and stops as granian does: at once.
SLOW_SERVER = """
import os, signal, socket, time
from reprotech.server import graceful_shutdown
graceful_shutdown.install()
listener = socket.create_server(("127.0.0.1", 0))
def stop(*_):
    listener.close()
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    time.sleep(0.1)
    connection.sendall(connection.recv(10))
    connection.close()
"""


@pytest.fixture
def slow_server():
    with subprocess.Popen([sys.executable, "-c", SLOW_SERVER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def answer(connection):
    with closing(connection):
        return connection.recv(10)


def ask(connection):
    connection.request("GET", "/api/health/live")
    response = connection.getresponse()
    response.read()
    return response.status, response.getheader("Connection")


def test_who_was_connected_before_is_answered_and_nobody_is_connected_after(slow_server):
    address = ("127.0.0.1", int(slow_server.stdout.readline()))
    connections = [socket.create_connection(address, timeout=30) for _ in range(4)]
    for connection in connections:
        connection.sendall(b"please")
    slow_server.send_signal(signal.SIGTERM)
    assert [answer(connection) for connection in connections] == [b"please"] * 4
    assert slow_server.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=30)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a listening socket can't refuse while it is open")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_listener_refuses_new_connections_and_keeps_those_that_wait(family, host):
    with socket.create_server((host, 0), family=family) as listener:
        address = listener.getsockname()[:2]
        with socket.create_connection(address, timeout=30) as waiting:
            waiting.sendall(b"please")
            graceful_shutdown.refuse_connections(listener)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address, timeout=30)
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(10) == b"please"


def test_before_it_serves_a_process_stops_at_once():
    program = 'from reprotech.server.graceful_shutdown import install; install(); print("ready", flush=True); input()'
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, **pipes) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


def test_a_kept_connection_is_answered_once_more_while_the_server_stops(processes):
    server = start_server(processes, "sqlite")
    with closing(HTTPConnection("127.0.0.1", int(server.env["PORT"]), timeout=30)) as connection:
        assert ask(connection) == (200, None)
        connection.auto_open = 0  # no other connection
        server.process.send_signal(signal.SIGTERM)
        # Until the signal has arrived it is answered as before.
        assert eventually(lambda: (answer := ask(connection)) != (200, None) and answer) == (200, "close")
    assert server.process.wait(30) == 0
    processes.stop(server.process)
