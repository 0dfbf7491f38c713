"""A program's back-channel logout address on loopback, which can also hang, refuse or redirect."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class LogoutReceiver:
    """`tokens` are those that came; `status` and `delay` say how it answers from now on."""

    def __init__(self):
        self.tokens, self.paths, self.status, self.delay, self.headers = [], [], 200, 0, {}
        self._stopped = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                body = parse_qs(self.rfile.read(length).decode())
                receiver.paths.append(self.path)
                receiver.tokens += body.get("logout_token", [])
                receiver._stopped.wait(receiver.delay)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._server.server_port}/logout?of=reprotech"

    def wait_for(self, number, seconds=60):
        """The tokens, once so many have come."""
        end = time.monotonic() + seconds
        while len(self.tokens) < number and time.monotonic() < end:
            time.sleep(0.02)
        return list(self.tokens)

    def stop(self):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
