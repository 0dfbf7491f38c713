"""Logout notices on their way: what arrives, what is tried again, what is given up, and that nobody waits."""

import base64
import json
import socket
import time
from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection
from django.utils import timezone

from reprotech.db.outbox import retry_delay
from sso.ending import delivery, http_post
from sso.ending.delivery import Courier, deliver_due
from sso.keys.services import read_own_token
from sso.models import LogoutNotice
from sso.tests.support.sign_ins import make_application, make_sign_in

SUBJECT = "11111111-2222-4333-8444-555555555555"


def notify(cast, name, address, **fields):
    """A notice for an application with this logout address."""
    application = make_application(name, backchannel_logout_uri=address, **fields)
    return notice_for(cast, application)


def notice_for(cast, application, **fields):
    sign_in = make_sign_in(application, cast.viewer)
    whose = {"client_id": application.client_id, "sign_in": sign_in, "subject": SUBJECT, "sid": "s" * 32}
    return LogoutNotice.objects.create(application=application, **whose, **fields)


def claims_of(token):
    header, body, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(body)


@pytest.mark.django_db
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_signed_logout_token_arrives(cast, receiver, settings, algorithm):
    notice = notify(cast, "Grafana", receiver.address, signing_alg=algorithm)
    assert deliver_due() == 1
    header, claims = claims_of(receiver.tokens[0])
    assert (header["alg"], header["typ"]) == (algorithm, "logout+jwt")
    assert claims == read_own_token(receiver.tokens[0])
    assert {name: claims[name] for name in ("iss", "aud", "sub", "sid")} == {
        "iss": settings.PUBLIC_URL,
        "aud": notice.application.client_id,
        "sub": SUBJECT,
        "sid": "s" * 32,
    }
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert "nonce" not in claims
    assert receiver.paths == ["/logout?of=reprotech"]
    notice.refresh_from_db()
    assert (notice.delivered_at is not None, notice.attempts, notice.last_error) == (True, 1, "")
    assert deliver_due() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("status", [302, 400, 401, 500, 503])
def test_what_is_refused_is_tried_again_later(cast, receiver, status, caplog):
    receiver.status, receiver.headers = status, {"Location": receiver.address}
    notice = notify(cast, "Grafana", receiver.address)
    assert deliver_due() == 0
    notice.refresh_from_db()
    assert len(receiver.tokens) == 1, "no redirect is followed"
    assert (notice.attempts, notice.last_error) == (1, f"It answered {status}.")
    assert notice.due_at > timezone.now() + timedelta(seconds=3)
    assert receiver.tokens[0] not in caplog.text
    receiver.status = 200
    assert deliver_due() == 0, "not yet"
    LogoutNotice.objects.update(due_at=timezone.now())
    assert deliver_due() == 1
    assert claims_of(receiver.tokens[0])[1]["jti"] != claims_of(receiver.tokens[1])[1]["jti"]


@pytest.mark.django_db
def test_a_program_that_is_away_is_given_up_after_hours(cast):
    notice = notify(cast, "Grafana", "http://127.0.0.1:9/logout")
    LogoutNotice.objects.update(created_at=timezone.now() - delivery.MAX_AGE - timedelta(minutes=1))
    deliver_due()
    notice.refresh_from_db()
    assert notice.failed_at is not None
    assert notice.last_error.startswith("ConnectionRefusedError")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["http://grafana.lab.example/logout", "ftp://127.0.0.1/x", "", "https://[::"])
def test_an_address_that_is_none_sends_nothing(cast, address):
    notice = notify(cast, "Grafana", address)
    deliver_due()
    notice.refresh_from_db()
    assert notice.last_error
    assert notice.delivered_at is None


@pytest.mark.django_db
def test_a_name_that_leads_where_no_program_is_gets_nothing(cast, receiver, monkeypatch):
    monkeypatch.setattr(http_post, "is_sendable", lambda address: not address.is_loopback)
    notice = notify(cast, "Grafana", receiver.address)
    deliver_due()
    notice.refresh_from_db()
    assert notice.last_error == "The host's name leads to an address that no program can have."
    assert not receiver.paths


def test_not_even_a_handshake_goes_where_no_program_is(monkeypatch):
    monkeypatch.setattr(http_post, "is_sendable", lambda address: not address.is_loopback)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(http_post.PostFailed, match="no program can have"):
            http_post.post_form(f"https://127.0.0.1:{listener.getsockname()[1]}/logout", {})
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(10)
            assert peer.recv(1) == b""


@pytest.mark.django_db
def test_a_program_that_hangs_is_left_after_a_while(cast, receiver, monkeypatch):
    monkeypatch.setattr(http_post, "TIMEOUT_SECONDS", 0.2)
    receiver.delay = 60
    notice = notify(cast, "Grafana", receiver.address)
    deliver_due()
    notice.refresh_from_db()
    assert notice.last_error.startswith("TimeoutError")


@pytest.mark.django_db
def test_an_answer_that_comes_letter_by_letter_is_cut_off(cast, monkeypatch):
    monkeypatch.setattr(http_post, "DEADLINE_SECONDS", 0.5)
    server = socket.create_server(("127.0.0.1", 0))
    stopped, was_let_go_on = Event(), Event()

    def drip():
        client, _ = server.accept()
        end = time.monotonic() + 20
        with client, suppress(OSError):
            while not stopped.wait(0.05):
                client.sendall(b"H")
                if time.monotonic() > end:
                    was_let_go_on.set()
                    return

    dripping = Thread(target=drip)
    dripping.start()
    notice = notify(cast, "Grafana", f"http://127.0.0.1:{server.getsockname()[1]}/")
    deliver_due()
    stopped.set()
    dripping.join()
    server.close()
    notice.refresh_from_db()
    assert notice.last_error
    assert not was_let_go_on.is_set()


def test_intervals_grow_and_have_an_end():
    delays = [
        retry_delay(attempt, first=delivery.FIRST_RETRY, maximum=delivery.MAX_RETRY) for attempt in (1, 2, 3, 50, 9999)
    ]
    assert delays == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20), *[timedelta(minutes=10)] * 2]


def run(courier, finished, until):
    """As the thread of a server does it."""
    end = time.monotonic() + 30
    while not until() and time.monotonic() < end:
        courier.dispatch()
        finished.wait(0.1)
        finished.clear()


@pytest.mark.django_db(transaction=True)
def test_programs_that_hang_delay_nobody(cast, make_receiver, monkeypatch):
    hanging, good = [make_receiver() for _ in range(3)], make_receiver()
    for number, receiver in enumerate(hanging):
        receiver.delay = 120
        application = make_application(f"Slow {number}", backchannel_logout_uri=receiver.address)
        for _ in range(6):
            notice_for(cast, application)
    application = make_application("Good", backchannel_logout_uri=good.address)
    for _ in range(10):
        notice_for(cast, application)
    finished = Event()
    courier = Courier(finished.set)
    started = time.monotonic()
    run(courier, finished, lambda: len(good.tokens) == 10)
    # Those that hang still do: nobody waited for them. (No wall time: the attempts of the others aren't over.)
    assert len(good.tokens) == 10
    assert all(len(receiver.tokens) <= delivery.MAX_PER_APPLICATION for receiver in hanging) or (
        time.monotonic() - started > http_post.TIMEOUT_SECONDS
    )
    for receiver in hanging:
        receiver.delay = 0
        receiver.stop()
    end = time.monotonic() + 30
    while courier._running.total() and time.monotonic() < end:
        time.sleep(0.05)
    assert not courier._running.total()


@pytest.mark.django_db(transaction=True)
def test_two_processes_deliver_each_notice_once(cast, receiver):
    application = make_application("Grafana", backchannel_logout_uri=receiver.address)
    for _ in range(12):
        notice_for(cast, application)
    finished = Event()
    couriers = [Courier(finished.set), Courier(finished.set)]
    end = time.monotonic() + 30
    while LogoutNotice.objects.filter(delivered_at=None).exists() and time.monotonic() < end:
        for courier in couriers:
            courier.dispatch()
        finished.wait(0.1)
        finished.clear()
    assert len(receiver.tokens) == 12
    assert set(LogoutNotice.objects.values_list("attempts", flat=True)) == {1}
    connection.close()
