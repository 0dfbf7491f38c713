"""The page on which people type the code that an instrument shows."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.throttling import rate_limits
from reprotech.core.exceptions import DomainError
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing.cast import audit_rows
from reprotech.testing.client import page_client
from sso.models import DeviceRequest
from sso.sign_ins.devices import LETTERS, decide_device_request, hash_user_code, new_user_code, start_device_request
from sso.tests.support.sign_ins import make_application, make_session

pytestmark = pytest.mark.django_db

ORIGIN = RequestOrigin(ip_address="198.51.100.7", user_agent="x", request_id="r", method="POST", path="/oauth/device")


@pytest.fixture
def me(cast):
    return page_client(cast.viewer)


@pytest.fixture
def application(cast):
    return make_application("Balance 3", "viewer", kind="public", device_grant=True)


@pytest.fixture
def code(application):
    with request_origin(ORIGIN):
        return start_device_request(application=application, scope="openid")[1]


def text(response):
    return response.content.decode()


def test_a_code_is_made_of_letters_that_nobody_mistakes():
    code = new_user_code()
    assert len(code) == 9
    assert set(code) - {"-"} <= set(LETTERS)
    assert hash_user_code(code) == hash_user_code(f" {code.lower().replace('-', ' ')} ")


def test_only_hashes_are_stored(code):
    stored = DeviceRequest.objects.get()
    assert code not in str(vars(stored))
    assert (stored.user_code_hash, stored.ip_address) == (hash_user_code(code), "198.51.100.7")


def test_the_way_of_a_person_who_allows(cast, me, code):
    page = text(me.get("/device"))
    assert "Code that the device shows" in page
    question = me.post("/device", {"user_code": code.lower()})
    assert question.status_code == 200
    for part in ("Allow Balance 3 on a device?", code, "198.51.100.7", "the-viewer", "another address than yours"):
        assert part in text(question), part
    assert DeviceRequest.objects.get().decided == "", "nothing is decided by looking"
    done = me.post("/device/approve", {"user_code": code})
    assert "The device is allowed" in text(done)
    stored = DeviceRequest.objects.get()
    assert (stored.decided, stored.user, stored.session) == ("approved", cast.viewer, Session.objects.get())


def test_the_way_of_a_person_who_refuses(cast, me, code):
    with audit_rows() as rows:
        done = me.post("/device/refuse", {"user_code": code})
    assert "The device is refused" in text(done)
    assert DeviceRequest.objects.get().decided == "denied"
    assert [(row.username, row.action, row.resource_name, row.success) for row in rows] == [
        ("the-viewer", "app_denied", "Balance 3", False)
    ]


def test_a_link_with_the_code_fills_it_in_and_approves_nothing(me, code):
    page = text(me.get(f"/device?user_code={code}"))
    assert f'value="{code}"' in page
    assert "Balance 3" not in page
    for address in ("/device/approve", "/device/refuse"):
        assert me.get(f"{address}?user_code={code}").status_code == 405
    assert DeviceRequest.objects.get().decided == ""


def test_who_is_not_signed_in_signs_in_first_and_comes_back(code, client):
    assert client.get(f"/device?user_code={code}").url == f"/login?next=/device%3Fuser_code%3D{code}"
    assert client.post("/device/approve", {"user_code": code}).status_code == 302
    assert DeviceRequest.objects.get().decided == ""


def test_a_required_action_comes_first(cast, me, code):
    User.objects.filter(pk=cast.viewer.pk).update(must_change_password=True)
    assert me.post("/device/approve", {"user_code": code}).url == "/password"
    assert DeviceRequest.objects.get().decided == ""


def test_another_site_can_press_no_button(cast, code):
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = page_client(cast.viewer).cookies
    assert browser.post("/device/approve", {"user_code": code}).status_code == 403


@pytest.mark.parametrize("typed", ["AAAA-AAAA", "x", "é" * 40, "\x00", "<b>", "'; --"])
def test_a_wrong_code_says_so(me, code, typed):
    for address in ("/device", "/device/approve", "/device/refuse"):
        answer = me.post(address, {"user_code": typed})
        assert answer.status_code == 422
    assert DeviceRequest.objects.get().decided == ""


def expire():
    DeviceRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def use():
    DeviceRequest.objects.update(decided="approved", used_at=timezone.now())


def switch_off():
    DeviceRequest.objects.get().application.__class__.objects.update(is_active=False)


@pytest.mark.parametrize("change", [expire, use, switch_off])
def test_a_code_that_no_longer_counts_is_as_unknown_as_any(me, code, change):
    change()
    answer = me.post("/device/approve", {"user_code": code})
    assert answer.status_code == 422
    assert "it has expired" in text(answer)


def test_an_application_that_ones_roles_do_not_open_names_the_role(cast, code):
    browser = page_client(cast.researcher)
    answer = browser.post("/device/approve", {"user_code": code})
    assert answer.status_code == 422
    assert "Balance 3 is not open to you. Ask an administrator of your lab for the role Viewer." in text(answer)
    assert DeviceRequest.objects.get().decided == ""


def test_guessing_has_an_end_also_for_the_right_code(me, code, settings):
    settings.RATE_LIMIT_ENABLED = True
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "device_code": "3 per 15 minutes"}
    rate_limits.limit_of.cache_clear()
    rate_limits.reset()
    answers = [me.post("/device", {"user_code": "BBBB-BBBB"}).status_code for _ in range(3)]
    assert answers == [422] * 3
    refused = me.post("/device/approve", {"user_code": code})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert DeviceRequest.objects.get().decided == ""
    rate_limits.limit_of.cache_clear()


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_decides(cast, code):
    barrier, outcomes = Barrier(2), []
    sessions = [make_session(user) for user in (cast.viewer, cast.viewer)]

    def run(session):
        try:
            barrier.wait()
            decide_device_request(session=session, user_code=code, is_approved=True)
            outcomes.append("decided")
        except DomainError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=run, args=[session]) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided", "refused"]
