"""Where pages suggest to ask for a role, and whom the dashboard reminds of requests."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access_requests.asking.services import ask_for_role, withdraw_request
from access_requests.housekeeping import Watch
from accounts.access.authorization import SYSTEM
from accounts.models import Role
from accounts.roles.services import create_role
from analytics import dashboard_cache
from audit.services import record
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client
from sso.sign_ins.devices import start_device_request
from sso.tests.support.program import make_program
from sso.tests.support.sign_ins import make_application

WAITS = "waits for your decision"


@pytest.fixture
def asker(cast):
    return make_user("asker", "viewer")


def open_to_requests(*slugs):
    Role.objects.update(is_requestable=False)
    Role.objects.filter(slug__in=slugs).update(is_requestable=True)


def ask(user, role="researcher"):
    return ask_for_role(actor=user, role=role, reason="The new study needs it.")


def suggested(page):
    return re.findall(r'href="/requests/new\?role=([\w-]+)">Ask for the role', page)


def test_an_application_that_is_not_open_suggests_the_roles_that_open_it(asker):
    program, browser = make_program("LIMS", "manager", "researcher", "veterinarian"), page_client(asker)
    open_to_requests("researcher", "veterinarian", "lab_technician")
    sizes = {role.slug: role.permissions.count() for role in Role.objects.all()}
    smallest_first = sorted(["researcher", "veterinarian"], key=sizes.get)
    answer = program.authorize(browser)
    assert answer.status_code == 403
    assert suggested(answer.content.decode()) == smallest_first
    # Not what one waits for, and nothing where people may ask for none of them.
    ask(asker)
    assert suggested(program.authorize(browser).content.decode()) == ["veterinarian"]
    open_to_requests("lab_technician")
    assert "/requests/new" not in program.authorize(browser).content.decode()


def test_a_device_that_may_not_be_signed_in_does_too(cast, asker):
    application = make_application("Balance 3", "researcher", kind="public", device_grant=True)
    code, browser = start_device_request(application=application, scope="openid")[1], page_client(asker)
    open_to_requests("researcher")
    assert suggested(browser.post("/device/approve", {"user_code": code}).content.decode()) == ["researcher"]
    assert "/requests/new" not in browser.post("/device", {"user_code": "AAAA-AAAA"}).content.decode()
    open_to_requests()
    assert "/requests/new" not in browser.post("/device/approve", {"user_code": code}).content.decode()


def reminder(user):
    """The line about requests on this person's dashboard, as the page and as the fragment that it polls say it."""
    browser = page_client(user)
    found = [
        re.findall(r">([^<]*)(?:<[^>]*>\s*)*(requests? for access waits? for your decision)", answer.content.decode())
        for answer in (browser.get("/"), browser.get("/", headers={"HX-Request": "true"}))
    ]
    assert found[0] == found[1]
    return [f"{number.strip()} {words}" for number, words in found[0]]


@pytest.fixture
def _steady(one_day, monkeypatch):
    monkeypatch.setattr(dashboard_cache, "REFRESH_SECONDS", 10**12)


@pytest.mark.usefixtures("_steady")
def test_the_dashboard_counts_what_the_reader_may_decide(cast, asker):
    create_role(actor=SYSTEM, name="Desk", permissions=["analytics_read", "user_read", "user_update", "animal_read"])
    create_role(actor=SYSTEM, name="Herd", permissions=["animal_read"], is_requestable=True)
    clerk, novice = make_user("clerk", "desk"), make_user("novice")
    assert reminder(clerk) == reminder(cast.super_admin) == []
    herd = ask(novice, "Herd")
    ask(asker)
    assert reminder(cast.super_admin) == ["2 requests for access wait for your decision"]
    # A clerk can't give Researcher, which holds more. A Manager, who may open the same lists, can give no role.
    assert reminder(clerk) == [f"1 request for access {WAITS}"]
    assert reminder(cast.manager) == []
    withdraw_request(actor=novice, request_id=herd.pk)
    assert reminder(clerk) == []
    assert reminder(cast.super_admin) == [f"1 request for access {WAITS}"]
    # Nobody decides their own.
    ask(clerk, "Herd")
    assert reminder(clerk) == []
    assert reminder(cast.super_admin) == ["2 requests for access wait for your decision"]


def test_it_takes_as_many_queries_for_many(cast, asker):
    boss, counts = page_client(cast.super_admin), []
    for number in range(3):
        role = create_role(actor=SYSTEM, name=f"Role {number}", permissions=[], is_requestable=True)
        ask(asker, role.name)
        boss.get("/")
        record(actor=None, action="export", resource="audit")  # all of it is computed again
        with CaptureQueriesContext(connection) as queries:
            boss.get("/")
        counts.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            boss.get("/")
        assert not [query for query in queries if "access_requests" in query["sql"]]
    assert len(set(counts)) == 1


def test_a_new_request_wakes_who_mails_about_it(asker, monkeypatch, django_capture_on_commit_callbacks):
    woken = []
    monkeypatch.setattr(Watch, "thread", type("Thread", (), {"wake": staticmethod(lambda: woken.append(1))}))
    with django_capture_on_commit_callbacks(execute=True):
        ask(asker)
        assert woken == []
    assert woken == [1]
