"""Servers behind the nginx that we ship are restarted, one after the other, while people work, and no request fails."""

import shutil
import signal
import socket
import ssl
import threading
import time
from contextlib import closing
from http.client import HTTPException, HTTPSConnection

import pytest

from reprotech.testing.plugin import ROOT, check_alive, require, start_server
from reprotech.testing.servers import free_port, wait_for
from reprotech.tests.support.nginx import NAME, localized, make_certificate, start_nginx

#: Each with the status that is its right answer. A POST is what nginx must not send twice.
REQUESTS = [("GET", "/api/auth/me", 401), ("POST", "/api/auth/login", 400), ("GET", "/api/health/ready", 200)]
# It is about processes and connections, which are the same whatever the database.
pytestmark = pytest.mark.only_on("postgresql")


class NamedConnection(HTTPSConnection):
    """A connection to NAME at another address, which nginx answers no TLS without."""

    def connect(self):
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=NAME)


class Site:
    """Two servers that run `deploy/serve`, and nginx with the configuration that we ship in front of them."""

    def __init__(self, processes):
        self.processes = processes
        prepared = start_server(processes, "postgresql")  # makes tables and default data
        processes.stop(prepared.process)
        self.home = prepared.log.parent
        self.env = prepared.env | {
            "DEBUG": "false",
            "ALLOWED_HOSTS": NAME,
            "TRUSTED_PROXIES": "127.0.0.1",
            "SSL_REQUIRED": "true",
        }
        self.servers = {port: self.serve(port) for port in (free_port(), free_port())}
        self.port = free_port()
        self.nginx = self.start_nginx()

    def serve(self, port):
        metrics = self.home / f"metrics-{port}"
        environment = self.env | {"PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        log = self.home / f"output-{port}"
        process = self.processes.start([ROOT / "deploy" / "serve"], log, env=environment)
        wait_for(process, log, lambda: check_alive(port), patience=60)
        return process

    def start_nginx(self):
        make_certificate(self.home)
        first, second = self.servers
        upstreams = {"127.0.0.1:5001": f"127.0.0.1:{first}", "127.0.0.1:5002": f"127.0.0.1:{second}"}
        text = (ROOT / "deploy/nginx/reprotech.conf").read_text()
        text = localized(text, self.home, free_port(), self.port, upstreams)
        return start_nginx(self.processes, self.home, text, self.check)

    def check(self):
        with closing(self.connect()) as connection:
            self.ask(connection, "GET", "/api/health/live")

    def connect(self):
        context = ssl.create_default_context(cafile=self.home / "fullchain.pem")
        return NamedConnection("127.0.0.1", self.port, timeout=30, context=context)

    def ask(self, connection, method, path):
        headers = {"Host": NAME, "Content-Type": "application/json"}
        connection.request(method, path, "{}" if method == "POST" else None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def restart(self, port):
        process = self.servers[port]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in {0, -signal.SIGTERM}
        self.processes.stop(process)
        self.servers[port] = self.serve(port)

    def stop(self):
        for process in [self.nginx, *self.servers.values()]:
            self.processes.stop(process)


class People:
    """Threads that ask one thing after the other until they are told to stop, and note what was not answered right."""

    def __init__(self, site):
        self.site, self.over = site, threading.Event()
        self.right, self.wrong = 0, []
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]

    def work(self):
        connection = self.site.connect()
        while not self.over.is_set():
            for method, path, expected in REQUESTS:
                try:
                    status = self.site.ask(connection, method, path)
                except (OSError, HTTPException) as error:
                    connection.close()
                    status, connection = repr(error), self.site.connect()
                if status == expected:
                    self.right += 1
                else:
                    self.wrong.append((method, path, status))
            time.sleep(0.01)
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def site(processes):
    require(shutil.which("nginx"), "nginx")
    site = Site(processes)
    yield site
    site.stop()


def test_no_request_fails_while_servers_are_restarted_one_after_the_other(site):
    with People(site) as people:
        for port in site.servers:
            site.restart(port)
    assert people.right > 100
    assert people.wrong == []
