"""Whether a name is known, disabled, locked or without a password shows neither in the answer nor in its time."""

import random
import re
import time
from dataclasses import dataclass
from statistics import median

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.users import services as user_services
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller

WRONG = "Wrong-Horse-7"
#: 4 ms a hash: what is left out shows next to the request's own time, and the test takes seconds.
COST = 6
SAMPLES = 60
#: The chance that one answer takes longer than another is 1/2 when nothing differs. So many samples estimate it to
#: 0.053 (the standard deviation of Mann and Whitney's U): off by 0.28, five times as much, it is once in ten million.
TOLERANCE = 0.28
#: On a quiet machine chances tell of a hundredth of a hash, which among hashes of a quarter of a second nobody can see.
#: What tells is a hash left out or made twice: this part of one counts.
PART_OF_A_HASH = 1 / 4
#: Those that could take another way; locked is like inactive, and deleted like nobody.
TIMED = ["known-one", "known-two", "inactive", "invited", "service", "nobody-1"]


@pytest.fixture
def costly(monkeypatch):
    """A hash takes as long as most of the rest of the request."""
    monkeypatch.setattr(BCryptSHA256PasswordHasher, "rounds", COST)


@pytest.fixture
def names(cast, costly):
    """One name of each kind; the first two are of the same kind."""
    known, twin = make_user("known-one"), make_user("known-two")
    inactive, locked = make_user("inactive", is_active=False), make_user("locked")
    user_services.lock_user(actor=cast.super_admin, user_id=locked.pk)
    invited, service = make_user("invited", password=None), make_user("service", password=None, is_service=True)
    deleted = make_user("deleted")
    user_services.delete_user(actor=cast.super_admin, user_id=deleted.pk)
    kinds = (known, twin, inactive, locked, invited, service, deleted)
    return [user.username for user in kinds] + ["nobody-1"]


@dataclass
class Interface:
    """A way to sign in, used with a wrong password."""

    path: str
    is_page: bool

    def ask(self, name, password=WRONG, address="192.0.2.10"):
        body = {"username": name, "password": password}
        if self.is_page:
            return Client(REMOTE_ADDR=address).post(self.path, body)
        return Caller(address=address).post(self.path, body)


INTERFACES = {"page": Interface("/login", True), "API": Interface("/api/auth/login", False)}
by_each_interface = pytest.mark.parametrize("interface", INTERFACES.values(), ids=INTERFACES)


def shown(answer, name):
    """All that a stranger sees of an answer, without what differs each time anyway."""
    text = answer.content.decode().replace(name, "<name>")
    text = re.sub(r'(csrfmiddlewaretoken" value=|request_id": ?|data-now=)"[^"]+"', "", text)
    headers = {key: value for key, value in answer.headers.items() if key not in {"X-Request-ID", "Content-Length"}}
    headers["Retry-After"] = bool(headers.get("Retry-After"))
    return answer.status_code, headers, text, sorted(answer.cookies)


@by_each_interface
def test_a_wrong_password_is_answered_alike_whatever_the_name(names, interface):
    answers = [shown(interface.ask(name), name) for name in names]
    assert answers[0][0] in {401, 422}
    assert all(answer == answers[0] for answer in answers)


@by_each_interface
def test_the_right_password_of_an_account_that_is_kept_out_is_answered_like_a_wrong_one(names, interface):
    wrong = shown(interface.ask("known-one"), "known-one")
    for name in ("inactive", "locked"):
        assert shown(interface.ask(name, PASSWORD), name) == wrong


@by_each_interface
def test_a_locked_out_name_is_answered_alike_whichever_account_has_it(names, interface):
    for name in names:
        for n in range(10):
            Caller(address=f"198.51.100.{n}").post("/api/auth/login", {"username": name, "password": WRONG})
    answers = [shown(interface.ask(name), name) for name in names]
    assert answers[0][0] == 429
    assert all(answer == answers[0] for answer in answers)


@by_each_interface
def test_a_wrong_password_costs_as_many_queries_whatever_the_name(names, interface):
    counts = {}
    for name in [*names, "nobody@lab.example", "known-one@lab.example"]:
        with CaptureQueriesContext(connection) as queries:
            interface.ask(name)
        counts[name] = len(queries)
    assert len(set(counts.values())) == 1, counts


def names_that_time_tells(interface):
    """Those whose answers take longer or shorter than the first one's, and the chance that its own takes longer.

    They are asked in turn, so that whatever else the machine does falls on all alike.
    """
    times = {name: [] for name in TIMED}
    hashes = []
    for _ in range(SAMPLES):
        for name in random.sample(TIMED, len(TIMED)):
            times[name].append(seconds(interface.ask, name))
        hashes.append(seconds(make_password, WRONG))
    known = times.pop(TIMED[0])
    visible = PART_OF_A_HASH * median(hashes)
    chances = {name: chance_to_take_longer(known, others) for name, others in times.items()}
    return {
        name: chance
        for name, chance in chances.items()
        if abs(chance - 0.5) >= TOLERANCE and abs(median(times[name]) - median(known)) >= visible
    }


def seconds(call, *arguments):
    begun = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - begun


def chance_to_take_longer(one, other):
    """Mann and Whitney's U as a probability: that one of `one` is more than one of `other`."""
    return sum((a > b) + (a == b) / 2 for a in one for b in other) / (len(one) * len(other))


def test_the_statistics_tell_what_differs_from_what_does_not():
    chosen = random.Random(7)
    one, same = ([chosen.gauss(10, 2) for _ in range(SAMPLES)] for _ in range(2))
    other = [chosen.gauss(13, 2) for _ in range(SAMPLES)]
    assert abs(chance_to_take_longer(one, same) - 0.5) < TOLERANCE < abs(chance_to_take_longer(one, other) - 0.5)


@pytest.mark.only_on("postgresql")  # the queries are the same on both, as tested above; the hashes ask no database
@by_each_interface
def test_the_time_of_an_answer_does_not_tell_which_names_are_known(names, interface, settings):
    settings.RATE_LIMIT_ENABLED = False  # or all but ten answers were refusals
    assert User.objects.get(username="known-one").password.split("$")[3] == f"{COST:02}"
    assert names_that_time_tells(interface) == {}


@pytest.mark.only_on("postgresql")
def test_the_time_of_a_refusal_does_not_tell_which_names_are_known(names):
    interface = INTERFACES["API"]
    for name in TIMED:
        for n in range(10):
            interface.ask(name, address=f"198.51.100.{n}")
    assert names_that_time_tells(interface) == {}
