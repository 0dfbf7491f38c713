"""Connections to servers that tests can pull out and put back."""

import contextlib
import select
import socket
import threading
from urllib.parse import urlsplit


class Cable:
    """A TCP connection to a server that can be pulled out and put back."""

    def __init__(self, url):
        self.target = (urlsplit(url).hostname, urlsplit(url).port)
        self.is_in = True
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{self.target[1]}", f":{self.listener.getsockname()[1]}")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if not self.is_in:
                client.close()
                continue
            pair = (client, socket.create_connection(self.target))
            for end in pair:  # otherwise a message waits up to 40 ms for the receipt of the one before
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs.append(pair)
            if not self.is_in:  # it was pulled out just now
                self._cut(pair)
            threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, *pair):
        other = dict(zip(pair, reversed(pair), strict=True))
        try:
            while True:
                for end in select.select(pair, [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    other[end].sendall(data)
        except (OSError, ValueError):
            return
        finally:
            for end in pair:
                end.close()

    def _cut(self, pair):
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def pull_out(self):
        self.is_in = False
        for pair in self.pairs:
            self._cut(pair)
        self.pairs.clear()

    def put_back(self):
        self.is_in = True
