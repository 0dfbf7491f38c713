"""Servers, databases and programs fail while people sign in and out: nothing is granted twice, lost, or waited for."""

import os
import secrets
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from urllib.error import URLError

import pytest

from benchmarks.faults.http_client import Client
from benchmarks.faults.testbed import ADMIN_PASSWORD, Testbed, eventually
from reprotech.testing.cast import PASSWORD
from sso.tests.support.logout_receiver import LogoutReceiver
from sso.tests.support.wire_program import CALLBACK, Browser, WireProgram

# SQLite serves one process.
pytestmark = pytest.mark.only_on("postgresql")


class Lab:
    """An installation, with people at programs."""

    def __init__(self, testbed, receiver):
        self.testbed, self.receiver, self.port = testbed, receiver, testbed.web.port
        self.client = Client(self.port, timeout=60)
        self.admin = self.sign_in_to_api()

    def sign_in_to_api(self):
        body = {"username": "admin", "password": ADMIN_PASSWORD}
        answer = self.client.ask("POST", "/api/auth/login", body)
        assert answer.is_good, answer
        return answer.body["access_token"]

    def ask(self, method, path, body=None):
        answer = self.client.ask(method, path, body, self.admin)
        assert answer.is_good, answer
        return answer.body

    def make_program(self, address):
        name = f"p{secrets.token_hex(4)}"
        body = {"name": name, "slug": name, "kind": "confidential", "redirect_uris": [CALLBACK]}
        made = self.ask("POST", "/api/applications", {**body, "backchannel_logout_uri": address})
        return WireProgram(self.port, made["application"], made["client_secret"])

    def make_person(self):
        name = f"person-{secrets.token_hex(4)}"
        body = {"username": name, "email": f"{name}@lab.example", "password": PASSWORD, "roles": ["Viewer"]}
        user = self.ask("POST", "/api/users", body)["user"]
        browser = Browser(self.port)
        browser.sign_in(name, PASSWORD)
        return user, browser

    def lock(self, user):
        self.ask("POST", f"/api/users/{user['id']}/lock")

    def number(self, query, *values):
        return self.testbed.database.rows(query, *values)[0][0]


@pytest.fixture(scope="module")
def testbed(processes):
    with closing(Testbed(processes)) as testbed:
        yield testbed


@pytest.fixture
def lab(testbed):
    receiver = LogoutReceiver()
    yield Lab(testbed, receiver)
    receiver.stop()


def redeem(program, code):
    """The status, None where the server died."""
    with suppress(URLError, OSError, ValueError):
        return program.redeem(code)
    return None


def test_a_server_that_dies_between_code_and_token_grants_a_code_once_at_most(lab):
    program = lab.make_program(lab.receiver.address)
    _, browser = lab.make_person()
    code = program.code(browser)
    with ThreadPoolExecutor(8) as pool:
        racing = [pool.submit(redeem, program, code) for _ in range(8)]
        for worker in lab.testbed.web.workers():
            os.kill(worker, signal.SIGKILL)
        answers = [one.result() for one in racing]
    granted = [answer for status, answer in filter(None, answers) if status == 200]
    assert len(granted) <= 1
    assert eventually(lambda: lab.client.ask("GET", "/api/health/ready").status == 200)
    # A code that nobody redeemed is still good for its minute, and only once; one that was used twice ends all.
    late = [redeem(program, code), redeem(program, code)]
    assert sum(status == 200 for status, _ in filter(None, [*answers, *late])) <= 1
    assert late[-1][1]["error"] == "invalid_grant"
    query = "SELECT count(*) FROM app_sign_ins s JOIN applications a ON a.id = s.application_id WHERE a.client_id = %s"
    assert lab.number(query, program.application["client_id"]) == 1
    for answer in granted:
        assert program.userinfo(answer["access_token"]) == 401, "a code that comes again was stolen"


def test_a_server_that_dies_after_a_sign_out_leaves_the_notice_to_the_next(lab):
    lab.receiver.status = 503
    program = lab.make_program(lab.receiver.address)
    user, browser = lab.make_person()
    assert program.redeem(program.code(browser))[0] == 200
    lab.lock(user)
    lab.testbed.web.kill()
    lab.receiver.status = 200
    refused = len(lab.receiver.tokens)
    lab.testbed.web.start_again()
    assert eventually(lambda: len(lab.receiver.tokens) > refused, seconds=120)
    delivered = (
        "SELECT count(*) FROM logout_notices n JOIN applications a ON a.id = n.application_id WHERE a.client_id = %s"
    )
    client_id = program.application["client_id"]
    assert eventually(lambda: lab.number(f"{delivered} AND delivered_at IS NOT NULL", client_id) == 1)
    assert lab.number(delivered, client_id) == 1


def test_a_program_that_hangs_holds_up_neither_people_nor_other_programs(lab):
    hanging = LogoutReceiver()
    hanging.delay = 300
    slow, good = lab.make_program(hanging.address), lab.make_program(lab.receiver.address)
    people = [lab.make_person() for _ in range(5)]
    for _, browser in people:
        for program in (slow, good):
            assert program.redeem(program.code(browser))[0] == 200
    for _, browser in people:
        browser.sign_out()
    assert len(lab.receiver.wait_for(5)) == 5
    query = "SELECT count(*) FROM logout_notices WHERE delivered_at IS NULL AND last_error LIKE 'TimeoutError%%'"
    assert eventually(lambda: lab.number(query) > 0), "it is noticed"
    hanging.delay = 0
    hanging.stop()


def test_without_valkey_a_lock_holds_at_once_and_the_program_is_told(lab):
    program = lab.make_program(lab.receiver.address)
    user, browser = lab.make_person()
    tokens = program.redeem(program.code(browser))[1]
    assert program.userinfo(tokens["access_token"]) == 200
    lab.testbed.cache.kill()
    try:
        assert program.userinfo(tokens["access_token"]) == 200
        lab.lock(user)
        assert {program.userinfo(tokens["access_token"]) for _ in range(6)} == {401}
        assert program.refresh(tokens["refresh_token"])[0] == 400
        assert lab.receiver.wait_for(1)
    finally:
        lab.testbed.cache.start()


def test_without_postgresql_nothing_is_granted_and_nothing_is_lost(lab):
    program = lab.make_program(lab.receiver.address)
    user, browser = lab.make_person()
    tokens = program.redeem(program.code(browser))[1]
    code = program.code(browser)
    lab.testbed.database.kill(signal.SIGINT)
    try:
        assert program.userinfo(tokens["access_token"]) == 503
        for status, answer in (program.redeem(code), program.refresh(tokens["refresh_token"])):
            assert (status, "access_token" in answer) == (503, False), answer
        assert browser.ask(program.path())[0] == 503
    finally:
        lab.testbed.database.start()
    assert eventually(lambda: lab.client.ask("GET", "/api/health/ready").status == 200)
    assert program.userinfo(tokens["access_token"]) == 200
    assert [program.redeem(code)[0], program.redeem(code)[0]] == [200, 400]
    renewed = program.refresh(tokens["refresh_token"])
    assert renewed[0] == 200
    lab.lock(user)
    assert program.userinfo(renewed[1]["access_token"]) == 401
    assert lab.receiver.wait_for(1)


def test_refresh_tokens_that_race_are_renewed_once(lab):
    program = lab.make_program(lab.receiver.address)
    _, browser = lab.make_person()
    tokens = program.redeem(program.code(browser))[1]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(program.refresh, [tokens["refresh_token"]] * 6))
    assert [status for status, _ in answers].count(200) <= 1
    living = [answer for status, answer in answers if status == 200]
    # The token was used again, so that nobody has a living one.
    assert all(program.userinfo(answer["access_token"]) == 401 for answer in living)
