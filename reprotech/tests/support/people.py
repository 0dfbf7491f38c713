"""People who work at two servers behind the nginx that we ship, while something happens to these."""

import signal
import socket
import ssl
import threading
import time
from contextlib import closing
from http.client import HTTPException, HTTPSConnection
from json import loads

from reprotech.testing.plugin import ROOT, check_alive
from reprotech.testing.servers import free_port, wait_for
from reprotech.tests.support.nginx import NAME, localized, make_certificate, start_nginx

#: Each with the status that is its right answer. A POST is what nginx must not send twice.
REQUESTS = [("GET", "/api/auth/me", 401), ("POST", "/api/auth/login", 400), ("GET", "/api/health/ready", 200)]


class NamedConnection(HTTPSConnection):
    """A connection to NAME at another address, which nginx answers no TLS without."""

    def connect(self):
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=NAME)


class Site:
    """Two servers, which `program()` starts with `settings()`, and nginx with the configuration that we ship."""

    def __init__(self, processes, directory):
        self.processes, self.directory = processes, directory
        self.nginx, self.servers = None, {}
        #: Paths to ask for when the first of the servers is another release than the second, and what that gave.
        self.asked_of_both, self.seen_in_between = [], set()

    def start(self):
        self.env = self.settings()
        self.servers = {port: self.serve(port) for port in (free_port(), free_port())}
        self.port = free_port()
        make_certificate(self.directory)
        first, second = self.servers
        upstreams = {"127.0.0.1:5001": f"127.0.0.1:{first}", "127.0.0.1:5002": f"127.0.0.1:{second}"}
        text = (ROOT / "deploy/nginx/reprotech.conf").read_text()
        text = localized(text, self.directory, free_port(), self.port, upstreams)
        self.nginx = start_nginx(self.processes, self.directory, text, self.check)

    def serve(self, port):
        metrics = self.directory / f"metrics-{port}"
        environment = self.env | {"PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        log = self.directory / f"output-{port}"
        process = self.processes.start([self.program()], log, env=environment)
        wait_for(process, log, lambda: check_alive(port), patience=60)
        return process

    def check(self):
        assert self.get("/api/health/live")[0] == 200

    def get(self, path):
        with closing(self.connect()) as connection:
            return self.ask(connection, "GET", path)

    def build(self):
        """Which release answers."""
        return loads(self.get("/api/health")[1])["build"]

    def connect(self):
        context = ssl.create_default_context(cafile=self.directory / "fullchain.pem")
        return NamedConnection("127.0.0.1", self.port, timeout=30, context=context)

    def ask(self, connection, method, path):
        headers = {"Host": NAME, "Content-Type": "application/json"}
        connection.request(method, path, "{}" if method == "POST" else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def restart(self, port):
        process = self.servers[port]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in {0, -signal.SIGTERM}
        self.processes.stop(process)
        self.servers[port] = self.serve(port)
        if port == next(iter(self.servers)):
            self.seen_in_between = {self.get(path)[0] for path in self.asked_of_both for _ in range(6)}

    def stop(self):
        for process in filter(None, [self.nginx, *self.servers.values()]):
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
                    status, _ = self.site.ask(connection, method, path)
                except (OSError, HTTPException) as error:
                    connection.close()
                    status, connection = repr(error), self.site.connect()
                if status == expected:
                    self.right += 1
                else:
                    self.wrong.append((method, path, status))
            time.sleep(0.1)
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
