"""Who delivers notices when: how many at a time of which program, and what wakes the threads. Nothing is sent here."""

import pytest
from django.db import OperationalError

from reprotech.core.background import PeriodicThread
from sso.ending import background, delivery
from sso.ending.delivery import Courier
from sso.sign_ins import wake
from sso.sign_ins.notices import queue_notices
from sso.tests.ending.test_delivery import notice_for
from sso.tests.support.sign_ins import make_application


class Connection:
    """In place of a thread's own, which it closes."""

    def close(self):
        pass


@pytest.fixture
def finished():
    return []


@pytest.fixture
def courier(finished, monkeypatch):
    monkeypatch.setattr(delivery, "connection", Connection())
    return Courier(lambda: finished.append(1))


@pytest.fixture
def begun(courier, monkeypatch):
    """The programs of attempts that began, none of which comes to an end."""
    names = []

    def begin(notice):
        courier._running[notice.client_id] += 1
        names.append(notice.application.name)

    monkeypatch.setattr(courier, "_begin", begin)
    return names


def make_programs(cast, *names):
    programs = [make_application(name, backchannel_logout_uri="https://lab.example/logout") for name in names]
    for program in programs:
        for _ in range(6):
            notice_for(cast, program)
    return programs


@pytest.mark.django_db
def test_a_program_gets_a_few_at_a_time_and_one_that_fails_comes_last(cast, courier, begun):
    failing, _ = make_programs(cast, "Failing", "Good")
    courier._failing.add(failing.client_id)
    assert courier.dispatch() == delivery.MAX_PER_APPLICATION + delivery.MAX_PER_FAILING
    assert begun == ["Good"] * delivery.MAX_PER_APPLICATION + ["Failing"] * delivery.MAX_PER_FAILING
    assert courier.dispatch() == 0


@pytest.mark.django_db
def test_all_together_get_no_more_threads_than_there_are(cast, courier, begun, monkeypatch):
    monkeypatch.setattr(delivery, "MAX_THREADS", 5)
    make_programs(cast, "One", "Two", "Three")
    assert courier.dispatch() == 5
    # The one with the fewest goes first once there is room.
    courier._running.subtract([next(iter(courier._running))] * 3)
    begun.clear()
    assert courier.dispatch() == 3
    assert begun == ["Three"] * 3


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [True, False, OperationalError("away")])
def test_an_attempt_frees_its_place_and_wakes_the_thread_however_it_ends(cast, courier, finished, monkeypatch, outcome):
    def deliver(_notice):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(delivery, "deliver", deliver)
    (program,) = make_programs(cast, "Grafana")
    courier._running[program.client_id] = 1
    courier._deliver(notice_for(cast, program))
    assert (finished, courier._running.total()) == ([1], 0)
    assert courier._failing == (set() if outcome is True else {program.client_id})


@pytest.mark.django_db
def test_a_queued_notice_wakes_the_thread_once_it_is_committed(monkeypatch, django_capture_on_commit_callbacks):
    woken = []
    monkeypatch.setattr(wake, "_wakers", [lambda: woken.append(1)])
    with django_capture_on_commit_callbacks(execute=True):
        queue_notices([])
        assert not woken
    assert woken == [1]


def test_a_server_looks_at_once_after_a_change_of_access_or_a_new_notice(monkeypatch):
    threads, wakers, listeners = [], [], []
    monkeypatch.setattr(PeriodicThread, "start", lambda thread: threads.append(thread))  # noqa: PLW0108 (bound to it)
    monkeypatch.setattr(wake, "_wakers", wakers)
    monkeypatch.setattr("accounts.session_cache.change_listeners._listeners", listeners)
    background.start()
    assert {thread.name for thread in threads} == {"app-sign-ins", "app-sign-in-housekeeping"}
    (ending,) = [thread for thread in threads if thread.name == "app-sign-ins"]
    for notify in (wake.wake, *listeners):
        ending._is_due.clear()
        notify()
        assert ending._is_due.is_set()
    assert len(listeners) == 1
