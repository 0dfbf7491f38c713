"""Five hundred guesses and fifty uses of one secret at once, at two server processes with PostgreSQL and Valkey."""

import json
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from itertools import cycle, islice
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection
from django.utils.http import urlsafe_base64_encode

from accounts.mfa import pending_login_token
from accounts.models import PasswordHistory, RecoveryCode, Session, User
from accounts.notifications.messages import reset_tokens
from audit.models import AuditLog
from reprotech.testing.cast import at_once
from reprotech.testing.client import Caller
from reprotech.testing.plugin import start_server
from reprotech.tests.support.mfa_devices import give_app

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db(transaction=True)]

GUESSES, USES = 500, 50


@pytest.fixture(scope="module")
def servers(django_db_setup, django_db_blocker, processes):
    """Two servers of one process each, on the tests' own database and Valkey."""
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
    shared = {
        "DJANGO_SETTINGS_MODULE": "reprotech.tests.support.slow_hash_settings",
        "WORKERS": "1",
        "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}",
        "REDIS_URL": os.environ["REDIS_URL"],
        "AUDIT_SEAL_SECONDS": "0",
        "AUDIT_VERIFY_HOURS": "0",
    }
    with ThreadPoolExecutor(2) as threads:
        started = list(threads.map(lambda _: start_server(processes, "postgresql", **shared), range(2)))
    yield [urlsplit(server.url).port for server in started]
    for server in started:
        processes.stop(server.process)


def send(port, method, path, body=None, **headers):
    """(status, headers, text) of a request on a connection of its own."""
    server = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        server.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = server.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        server.close()


def post(port, path, body):
    return send(port, "POST", path, json.dumps(body), Content_Type="application/json")


def at_servers(calls):
    """What the servers answer to all at once, without a connection to the database that is idle for so long here."""
    connection.close()
    return at_once(*calls)


def each_in_turn(servers, times):
    return islice(cycle(servers), times)


def reasons():
    rows = AuditLog.objects.filter(action="login", success=False)
    return Counter(rows.values_list("details__reason", flat=True))


def test_of_five_hundred_guesses_ten_reach_the_hasher(cast, servers):
    body = {"username": "the-viewer", "password": "Wrong-Horse-7"}
    connection.close()
    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(lambda port: post(port, "/api/auth/login", body), each_in_turn(servers, GUESSES)))
    statuses = Counter(status for status, _, _ in answers)
    # On a slow machine some of the ten find all hashing slots taken.
    assert statuses[401] + statuses[429] + statuses[503] == GUESSES
    assert 0 < statuses[401] <= 10
    assert statuses[401] == 10 or statuses[503]
    assert all(0 < int(headers["Retry-After"]) <= 900 for status, headers, _ in answers if status == 429)
    assert reasons() == {"The password is wrong.": statuses[401], "Too many attempts.": 1}
    # Guesses that were refused cost nobody else behind the address anything.
    assert post(servers[0], "/api/auth/login", {**body, "username": "the-admin"})[0] == 401


def use_code(cast, servers, code):
    """Give the code for fifty second steps, each with its own right password; how often which status came."""
    user = User.objects.get(pk=cast.viewer.pk)
    calls = [
        partial(post, port, "/api/auth/login/mfa", {"mfa_token": pending_login_token.issue(user), "otp": code})
        for port in each_in_turn(servers, USES)
    ]
    statuses = Counter(status for status, _, _ in at_servers(calls))
    assert statuses[200] + statuses[401] + statuses[429] == USES
    # Several did reach the check, beside the one that won.
    assert reasons()["The second factor is wrong or was used before."] == statuses[401] > 4
    return statuses


def test_a_code_of_an_app_opens_one_session(cast, servers):
    assert use_code(cast, servers, give_app(cast.viewer).code())[200] == 1
    assert Session.objects.count() == 1


def test_a_recovery_code_opens_one_session(cast, servers):
    assert use_code(cast, servers, give_app(cast.viewer).recovery_codes[0])[200] == 1
    assert (Session.objects.count(), RecoveryCode.objects.count()) == (1, 9)


def test_a_refresh_token_is_exchanged_once(cast, servers):
    signed_in = Caller(cast.viewer).signed_in
    body = {"refresh_token": signed_in.pair.refresh_token}
    answers = at_servers([partial(post, port, "/api/auth/refresh", body) for port in each_in_turn(servers, USES)])
    assert Counter(status for status, _, _ in answers) == {200: 1, 401: USES - 1}
    assert Session.objects.get(pk=signed_in.session.pk).is_alive
    assert list(AuditLog.objects.filter(action="token_refresh").values_list("success", flat=True)) == [True]


def test_a_reset_link_sets_one_password(cast, servers):
    user = User.objects.get(pk=cast.viewer.pk)
    place = f"{urlsafe_base64_encode(str(user.pk).encode())}/{reset_tokens.make_token(user)}"
    _, headers, _ = send(servers[0], "GET", f"/set-password/{place}")
    cookies = cookies_of(headers)
    _, headers, page = send(servers[0], "GET", "/set-password", Cookie=cookies)
    cookies = f"{cookies}; {cookies_of(headers)}"
    csrf = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)[1]

    def choose(port, password):
        form = {"csrfmiddlewaretoken": csrf, "new_password": password, "repeated": password}
        sent = {"Cookie": cookies, "Content_Type": "application/x-www-form-urlencoded"}
        return password, send(port, "POST", "/set-password", urlencode(form), **sent)[0]

    calls = [partial(choose, port, f"Chosen-Horse-{n}") for n, port in enumerate(each_in_turn(servers, USES))]
    answers = at_servers(calls)
    statuses = Counter(status for _, status in answers)
    # Those that find no seat for a hash are asked to try again; several did reach the link, beside the one that won.
    assert statuses[302] == 1
    assert statuses[302] + statuses[422] + statuses[503] == USES
    assert statuses[422] > 4
    (winner,) = [password for password, status in answers if status == 302]
    assert User.objects.get(pk=user.pk).check_password(winner)
    assert PasswordHistory.objects.filter(user=user).count() == 1
    assert list(AuditLog.objects.filter(action="password_change").values_list("success", flat=True)) == [True]


def cookies_of(headers):
    return "; ".join(cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie"))
