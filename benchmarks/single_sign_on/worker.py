"""Fills a database with sign-ins at programs, and does there what programs and people do, on command."""

import base64
import json
import os
import sys
import time
from statistics import median

from benchmarks.harness.machine import cpu_seconds

PASSWORD = "Single-Sign-88"
FORM = "application/x-www-form-urlencoded"
ME = "who am I (/api/auth/me)"
#: By the name of a method of `Caller`.
TASKS = {
    ME: "me",
    "authorize, signed in": "authorize",
    "token, by a code": "redeem",
    "token, by a refresh token": "refresh",
    "userinfo": "userinfo",
    "introspect": "introspect",
    "page of applications": "applications",
    "an application's sign-ins": "sign_ins",
    "look for what has ended": "look",
    "look at one person": "look_at_one",
    "look at everybody": "look_at_everybody",
}
SIGNED_IN, LOCK = "signed in", "lock"


def main():
    """Fill, and answer orders on standard input."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from accounts.models import Role, User
    from sso.tests.support.many_sign_ins import PROGRAMS, make_sign_ins

    # That a session gets only so many codes a minute is counted, and never reached.
    settings.RATE_LIMITS["authorize"] = "1000000 per minute"
    count = int(sys.argv[1])
    call_command("migrate", verbosity=0, stdout=sys.stderr)
    call_command("init_data", stdout=sys.stderr)
    call_command("create_demo_data", users=1_500, audit_events=1_000, seed=1, stdout=sys.stderr)
    # Otherwise each of a few sign-ins would use up the grace.
    Role.objects.filter(requires_factor=True).update(requires_factor=False)
    people = User.objects.active().filter(role_grants__isnull=False).exclude(username="admin").distinct().order_by("pk")
    make_sign_ins(list(people[: -(-count // PROGRAMS)]), count)
    caller = Caller("admin", PASSWORD)
    print("ready", flush=True)
    for line in sys.stdin:
        what, value = json.loads(line)
        print(json.dumps(obey(caller, what, value)), flush=True)


def obey(caller, what, value):
    """A task's figures, or what else is asked for."""
    if what == SIGNED_IN:
        return signed_in_at(value)
    if what == LOCK:
        return lock(value)
    return measure(caller, TASKS[what], value)


def make_database(server, name):
    """The URL of a new one on this PostgreSQL."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"


class Caller:
    """An administrator's browser, and a program that they sign in to."""

    def __init__(self, username, password):
        from django.test import Client

        from accounts.models import User
        from sso.ending.access_changes import AccessChanges
        from sso.ending.services import end_lost_sign_ins
        from sso.tests.support.program import SECRET, make_program

        self._changes, self._end_lost = AccessChanges(), end_lost_sign_ins
        self.person = User.objects.filter(app_sign_ins__isnull=False).first()
        self.browser, self.client = Client(), Client()
        names = {"username": username, "password": password}
        assert self.browser.post("/login", names).status_code == 302
        answer = self.client.post("/api/auth/login", names, content_type="application/json")
        self._bearer = {"HTTP_AUTHORIZATION": f"Bearer {answer.json()['access_token']}"}
        self.program = make_program("Measured", *["super_admin"])
        credentials = base64.b64encode(f"{self.program.application.client_id}:{SECRET}".encode()).decode()
        self._basic = {"HTTP_AUTHORIZATION": f"Basic {credentials}"}
        self._refresh_token, self._access_token, self.codes = "", "", []

    def prepare(self, task, count):
        """What a task needs and isn't part of it."""
        if task == "redeem":
            for _ in range(count):
                self.authorize()
        elif task in {"refresh", "userinfo", "introspect"}:
            self.authorize()
            self.redeem()

    def clear(self):
        """Delete this person's sign-ins, so that each round finds as many as the one before."""
        from sso.tests.support.many_sign_ins import delete_sign_ins

        self.codes.clear()
        delete_sign_ins(self.program.application)

    def me(self):
        assert self.client.get("/api/auth/me", **self._bearer).status_code == 200

    def authorize(self):
        answer = self.browser.get(self.program.address())
        assert answer.status_code == 302, answer.content
        location = answer["Location"]
        self.codes.append(location.partition("code=")[2].partition("&")[0])

    def redeem(self):
        asked = self.program.request()
        self._take(
            grant_type="authorization_code",
            code=self.codes.pop(),
            redirect_uri=asked["redirect_uri"],
            code_verifier=self.program.verifier,
        )

    def refresh(self):
        self._take(grant_type="refresh_token", refresh_token=self._refresh_token)

    def _take(self, **body):
        answer = self._post("/oauth/token", **body)
        self._access_token, self._refresh_token = answer["access_token"], answer["refresh_token"]

    def _post(self, path, **body):
        from urllib.parse import urlencode

        answer = self.client.post(path, urlencode(body), content_type=FORM, **self._basic)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def userinfo(self):
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {self._access_token}"}
        assert self.client.get("/oauth/userinfo", **bearer).status_code == 200

    def introspect(self):
        assert self._post("/oauth/introspect", token=self._access_token)["active"]

    def applications(self):
        assert self.browser.get("/applications").status_code == 200

    def sign_ins(self):
        from sso.models import Application

        first = Application.objects.get(name="Program 0")
        assert self.browser.get(f"/applications/{first.pk}/sign-ins").status_code == 200

    def look(self):
        """As the thread of a server does each second."""
        assert self._end_lost(self._changes.people()) == 0

    def look_at_one(self):
        assert self._end_lost([self.person.pk]) == 0

    def look_at_everybody(self):
        assert self._end_lost() == 0


def measure(caller, task, count):
    """(median, processor time of an answer, PostgreSQL's too), in milliseconds."""
    caller.prepare(task, count)
    work = getattr(caller, task)
    pids = [os.getpid(), *backends()]
    taken, before = [], cpu_seconds(pids)
    for _ in range(count):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    found = median(taken), (cpu_seconds(pids) - before) * 1000 / count
    caller.clear()
    return found


def backends():
    """The processes of PostgreSQL that answer this one."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


def signed_in_at(address):
    """Ids of those who are signed in to a program, which from now on has this address for logout tokens."""
    from sso.models import Application
    from sso.tests.support.program import change

    program = Application.objects.get(name="Program 1")
    change(program, backchannel_logout_uri=address)
    return list(program.sign_ins.order_by("pk").values_list("user_id", flat=True))


def lock(user_id):
    """Lock a person as a command would."""
    from accounts.access.authorization import SYSTEM
    from accounts.users import services as user_services

    user_services.lock_user(actor=SYSTEM, user_id=user_id)


if __name__ == "__main__":
    main()
