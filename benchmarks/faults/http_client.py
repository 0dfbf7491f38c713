"""Requests over connections of their own, which reach every worker process; each is noted with what became of it."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

#: What became of a request that got no answer.
REFUSED, CUT, HUNG = "refused", "cut off", "no answer"
#: A 503 of the API without its sentence and code.
UNCLEAR = "unclear 503"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status or one of the words above, and when."""

    status: object
    body: dict
    began: float
    ended: float

    @property
    def is_good(self):
        """Whether it was done."""
        return isinstance(self.status, int) and 200 <= self.status < 300


@dataclass
class Record:
    """All requests of a run: (began, ended, what was asked, status, whether it is what should come)."""

    lines: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, answer, asked, is_fine):
        """Note one."""
        with self.lock:
            self.lines.append((answer.began, answer.ended, asked, answer.status, is_fine))

    def since(self, moment):
        """Those that ended after a moment."""
        with self.lock:
            return [line for line in self.lines if line[1] >= moment]


class Client:
    """Asks one server."""

    def __init__(self, port, record=None, timeout=20):
        self.port, self.record, self.timeout = port, record, timeout

    def ask(self, method, path, body=None, token=None, expected=(200, 201)):
        """The answer, whatever it is; `expected` are the statuses that are right now."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None
        if body is not None:
            content, headers["Content-Type"] = json.dumps(body), "application/json"
        began, found = time.monotonic(), {}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            text, status = response.read(), response.status
            if response.headers.get_content_type() == "application/json":
                found = json.loads(text)
        except ConnectionRefusedError:
            status = REFUSED
        except TimeoutError:
            status = HUNG
        except (OSError, HTTPException):
            status = CUT
        finally:
            connection.close()
        says_why = found.get("code") == "unavailable" and found.get("error")
        if status == 503 and path.startswith("/api/") and not path.startswith("/api/health") and not says_why:
            status = UNCLEAR
        answer = Answer(status, found, began, time.monotonic())
        if self.record:
            self.record.add(answer, f"{method} {path.partition('?')[0]}", status in expected)
        return answer
