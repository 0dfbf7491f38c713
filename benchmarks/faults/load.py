"""A steady load of people and programs, each in a thread of its own, going on whatever happens."""

import base64
import json
import random
import threading
from contextlib import contextmanager

from benchmarks.faults.acknowledged_writes import AcknowledgedWrites, Gone
from benchmarks.faults.http_client import Client, Record
from benchmarks.faults.testbed import ADMIN_PASSWORD

PASSWORD = "Correct-Horse-7"
READS = (
    "/api/auth/me",
    "/api/users?per_page=5",
    "/api/roles",
    "/api/audit?per_page=5",
    "/login",
    "/api/users?search=w-",
)
#: How access is taken away.
WAYS = ("sign-out", "lock", "role", "password", "key", "deletion")


def session_of(token):
    """The session that a token names."""
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sid"]


class Load:
    """Everybody, and what they noted."""

    def __init__(self, port, patience=20):
        self.port, self.patience, self.record, self.writes = port, patience, Record(), AcknowledgedWrites()
        self.over = threading.Event()
        self.quiet = Client(port, timeout=60)
        self.admin = None
        self.admin = self.prepare("/api/auth/login", {"username": "admin", "password": ADMIN_PASSWORD})["access_token"]
        self.workers = [self.write, self.write, self.take_away, self.take_away, self.watch]
        self.workers += [self.read, self.read, self.sign_in_and_out, self.refresh, self.probe]
        self.readers = [self.make_person("reader", "Manager")[1] for _ in range(2)]
        self.sleeper = self.make_person("sleeper", "Viewer")[1]
        self.module = self.make_key()

    def make_person(self, prefix, role):
        """A user with a password: their id and name."""
        name = self.writes.next_name(prefix)
        body = {"username": name, "email": f"{name}@lab.example", "password": PASSWORD, "roles": [role]}
        user = self.prepare("/api/users", body)["user"]["id"]
        self.writes.created[user] = name
        return user, name

    def make_key(self):
        """The API key of a module that asks about tokens."""
        body = {"username": "module", "email": "module@lab.example", "roles": ["Viewer"], "is_service": True}
        user = self.prepare("/api/users", body)["user"]["id"]
        self.writes.created[user] = "module"
        return self.prepare(f"/api/users/{user}/keys", {"name": "all", "scopes": ["animal_read"]})["token"]

    def prepare(self, path, body):
        """What is answered before the load begins, at the latest when a busy machine has woken everything up."""
        answers = (self.quiet.ask("POST", path, body, self.admin) for _ in range(20))
        return next(answer.body for answer in answers if answer.is_good)

    @contextmanager
    def going_on(self):
        """The load, within the block."""
        threads = [threading.Thread(target=self._keep, args=[work]) for work in self.workers]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def _keep(self, work):
        while not self.over.is_set():
            try:
                work(Client(self.port, self.record, self.patience))
            except Exception as error:  # noqa: BLE001 (a client that dies would make the load less, unseen)
                self.writes.note_surprise(f"{work.__name__}: {type(error).__name__}: {error}")
                self.over.wait(0.5)

    def insist(self, client, method, path, body=None, expected=(200, 201)):
        """Ask until it is acknowledged, or answered as `expected`; None when the load ends first."""
        while not self.over.is_set():
            answer = client.ask(method, path, body, self.admin, expected)
            if answer.status in expected:
                return answer
            if answer.status == 401:
                self.admin_again(client)
            self.over.wait(0.3)
        return None

    def admin_again(self, client):
        """Sign in anew: a token is not good for ever, and not while the clock is wrong."""
        body = {"username": "admin", "password": ADMIN_PASSWORD}
        answer = client.ask("POST", "/api/auth/login", body)
        if answer.is_good:
            self.admin = answer.body["access_token"]
            self.writes.signed_in.add(session_of(self.admin))

    # What each does, again and again

    def write(self, client):
        """Create a user, change their role, lock them. Every answer that isn't clear is asked for again."""
        name = self.writes.next_name("w")
        body = {"username": name, "email": f"{name}@lab.example", "roles": ["Viewer"]}
        created = self.insist(client, "POST", "/api/users", body, expected=(201, 409))
        if created is None:
            return
        # 409: it was done when the answer got lost.
        user = created.body["user"]["id"] if created.status == 201 else self._id_of(client, name)
        if user is None:
            return
        self.writes.created[user] = name
        self.writes.invited.add(f"{name}@lab.example")
        if self.insist(client, "PATCH", f"/api/users/{user}", {"roles": ["Researcher"]}):
            self.writes.given.add(user)
        if self.insist(client, "POST", f"/api/users/{user}/lock"):
            self.writes.locked.add(user)
        self.over.wait(0.3)

    def _id_of(self, client, name):
        found = self.insist(client, "GET", f"/api/users?search={name}")
        users = found.body["users"] if found else []
        if found and not users:
            self.writes.note_surprise(f"{name} is taken but can't be found")
        return users[0]["id"] if users else None

    def take_away(self, client):
        """Give someone access, see it work, take it away, and from then on let nobody see it work again."""
        way, name = random.choice(WAYS), self.writes.next_name("victim")
        body = {"username": name, "email": f"{name}@lab.example", "password": PASSWORD, "roles": ["Manager"]}
        created = self.insist(client, "POST", "/api/users", body, expected=(201, 409))
        user = created and (created.body["user"]["id"] if created.status == 201 else self._id_of(client, name))
        if not user:
            return
        self.writes.created[user] = name
        token, key = self._way_in(client, name, way)
        if token is None:
            return
        for _ in range(4):
            client.ask("GET", "/api/users?per_page=1", token=token)
        if self._end(client, user, token, key, way):
            gone = Gone(way, token, is_dead=way != "role")
            self.writes.gone.append(gone)
            for _ in range(4):
                self.try_in_vain(client, gone)

    def _way_in(self, client, name, way):
        answer = client.ask("POST", "/api/auth/login", {"username": name, "password": PASSWORD})
        if not answer.is_good:
            return None, None
        token = answer.body["access_token"]
        self.writes.signed_in.add(session_of(token))
        if way == "key":
            # Nobody else makes a key for a person.
            made = client.ask("POST", "/api/auth/keys", {"name": "script", "scopes": ["user_read"]}, token)
            return (made.body["token"], made.body["key"]["id"]) if made.is_good else (None, None)
        return token, None

    def _end(self, client, user, token, key, way):
        path = f"/api/users/{user}"
        if way == "sign-out":
            return self._sign_out(client, token)
        if way == "lock":
            return self.insist(client, "POST", f"{path}/lock")
        if way == "role":
            return self.insist(client, "PATCH", path, {"roles": []})
        if way == "password":
            return self.insist(client, "POST", f"{path}/reset-password", {"password": f"{PASSWORD}-new"})
        if way == "key":
            return self.insist(client, "DELETE", f"{path}/keys/{key}", expected=(200, 404))
        return self.insist(client, "DELETE", path, expected=(200, 404))

    def _sign_out(self, client, token):
        while not self.over.is_set():
            answer = client.ask("POST", "/api/auth/logout", token=token, expected=(200, 401))
            if answer.status in {200, 401}:
                self.writes.signed_out.add(session_of(token))
                return answer
            self.over.wait(0.3)
        return None

    def try_in_vain(self, client, gone):
        """What was taken away must stay away, whichever process answers."""
        asked = [client.ask("GET", "/api/users?per_page=1", token=gone.token, expected=(401, 403))]
        if gone.is_dead:
            body = {"token": gone.token}
            asked.append(client.ask("POST", "/api/auth/introspect", body, self.module, expected=(200,)))
        got_in = asked[0].is_good or (gone.is_dead and asked[-1].body.get("active"))
        if got_in:
            seconds = max(answer.ended for answer in asked) - gone.since
            self.writes.note_breach(f"{gone.how}: still good {seconds:.1f} s after it was taken away")

    def watch(self, client):
        """Try the latest that are gone, and any of them."""
        gone = self.writes.gone
        for each in [*gone[-6:], *random.sample(gone, min(4, len(gone)))]:
            if self.over.wait(0.05):
                return
            self.try_in_vain(client, each)
        self.over.wait(0.1)

    def read(self, client):
        """Look around with a session of one's own."""
        token = self._session(client, random.choice(self.readers))
        while token and not self.over.wait(0.15):
            if client.ask("GET", random.choice(READS), token=token).status == 401:
                return

    def _session(self, client, name):
        answer = client.ask("POST", "/api/auth/login", {"username": name, "password": PASSWORD})
        if not answer.is_good:
            self.over.wait(0.5)
            return None
        self.writes.signed_in.add(session_of(answer.body["access_token"]))
        return answer.body["access_token"]

    def sign_in_and_out(self, client):
        """Sign in, and out again."""
        if token := self._session(client, random.choice(self.readers)):
            self._sign_out(client, token)
        self.over.wait(0.5)

    def refresh(self, client):
        """Spend one refresh token after the other. Who got no answer signs in anew, as the token may be spent."""
        body = {"username": self.sleeper, "password": PASSWORD}
        answer = client.ask("POST", "/api/auth/login", body)
        if answer.is_good:
            self.writes.signed_in.add(session_of(answer.body["access_token"]))
        while answer.is_good and not self.over.wait(0.4):
            answer = client.ask("POST", "/api/auth/refresh", {"refresh_token": answer.body["refresh_token"]})
            if answer.is_good:
                self.writes.note_refresh(session_of(answer.body["access_token"]))
        self.over.wait(0.4)

    def probe(self, client):
        """Ask as a balancer does."""
        client.ask("GET", "/api/health/live")
        client.ask("GET", "/api/health/ready")
        self.over.wait(0.25)
