"""A periodic thread repeats its work, survives every failure, logs it once, and can be woken and stopped."""

import logging
from queue import SimpleQueue
from threading import Event

import pytest
from django.db import OperationalError, connection

from reprotech.core.background import PeriodicThread

pytestmark = pytest.mark.only_on("sqlite")  # it asks no database
NEVER = 3600
REFUSED, RECOVERED = ("ERROR", "It fails. a", False), ("WARNING", "It works.", False)


class Damaged(Exception):
    """Needs attention."""


class Refused(Exception):
    """Explains itself."""


class Script:
    """Work that fails with one error after the other; None is success."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def __call__(self):
        if error := self.errors.pop(0):
            raise error


def logged(caplog, *errors):
    """What is logged of these errors in a row, as (level, text, has a stack trace)."""
    work = Script(*errors)
    thread = PeriodicThread(
        "test", work, NEVER, problem="It fails.", recovered="It works.", fatal=(Damaged,), expected=(Refused,)
    )
    while work.errors:
        thread.run_once()
    return [(record.levelname, record.getMessage(), bool(record.exc_info)) for record in caplog.records]


@pytest.mark.parametrize(
    ("errors", "lines"),
    [
        ([None, None], []),
        ([Refused("a"), Refused("b"), None, None], [REFUSED, RECOVERED]),
        ([OperationalError("a"), OperationalError("b")], [("ERROR", "It fails. OperationalError: a", True)]),
        ([Damaged("a"), Damaged("a"), Damaged("b")], [("CRITICAL", "a", False), ("CRITICAL", "b", False)]),
        ([Refused("a"), None, Refused("a")], [REFUSED, RECOVERED, REFUSED]),
        ([Refused("a"), Damaged("b")], [REFUSED, ("CRITICAL", "b", False)]),
        ([Refused("a"), KeyError(1)], [REFUSED, ("ERROR", "It fails. KeyError: 1", True)]),
    ],
    ids=str,
)
def test_a_problem_is_logged_when_it_begins_and_when_it_ends(caplog, errors, lines):
    assert logged(caplog, *errors) == lines


@pytest.mark.parametrize("error", [None, ValueError()])
def test_the_connection_is_closed_after_each_round(monkeypatch, error):
    closed = []
    monkeypatch.setattr(connection, "close", lambda: closed.append(True))
    PeriodicThread("test", Script(error), NEVER, problem="").run_once()
    assert closed


def test_it_goes_on_after_a_failure_and_stops_when_told(caplog):
    caplog.set_level(logging.CRITICAL)
    rounds, results = SimpleQueue(), Script(ValueError(), None, None)

    def work():
        rounds.put(len(results.errors))
        results()

    thread = PeriodicThread("test", work, 0.001, problem="", retry_interval=0.002)
    thread.start()
    assert [rounds.get(timeout=60) for _ in range(3)] == [3, 2, 1]
    thread.stop()
    assert not thread.is_alive()


def test_who_wakes_it_does_not_wait_for_the_interval_and_a_stop_waits_for_the_work():
    begun, may_end, ended = Event(), Event(), Event()

    def work():
        begun.set()
        may_end.wait(60)
        ended.set()

    thread = PeriodicThread("test", work, NEVER, problem="")
    thread.start()
    thread.wake()
    assert begun.wait(60)
    may_end.set()
    thread.stop()
    assert ended.is_set()
