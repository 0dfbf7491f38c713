"""Who could do what at any moment, by the log, is what the tables said then: over random operations of every kind.

`ACCESS_HISTORY_OPERATIONS` says how many (2,000 for the whole proof), `ACCESS_HISTORY_SEED` repeats a run. A failure
names the first moments that differ, and what was done about these accounts until then.
"""

import io
import os
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from access_history.models import GrantPeriod
from access_history.projection.catch_up import catch_up
from access_history.questions.answers import all_rows
from access_history.questions.files import COLUMNS, cells
from access_history.questions.selection import Question
from access_history.questions.windows import Window
from access_history.tests.support.moving_clock import MovingClock
from access_history.tests.support.plain_tables import Person, read_tables
from access_history.tests.support.random_operations import RandomOperations
from audit.capture import settlement
from audit.models import AuditLog
from audit.tests.support.sealed_log import complete, first_key
from audit.tests.support.standalone_verifier import module as verifier
from reprotech.testing.cast import make_user
from reprotech.web.streaming import csv_lines

pytestmark = pytest.mark.django_db(transaction=True)

OPERATIONS = int(os.environ.get("ACCESS_HISTORY_OPERATIONS", "200"))
#: Moments for which the auditors' program replays all events.
SAMPLE = 60
SHOWN = 3
DAY = timedelta(days=1)
#: So many operations that each kind is among those that were done.
MIN_FOR_EACH = 1_000


@dataclass
class Step:
    """An operation, and what the tables said right after it."""

    number: int
    text: str
    moment: datetime
    people: dict[int, Person]

    def __str__(self):
        return f"{self.number} at {self.moment.isoformat()}: {self.text}"


@pytest.fixture
def seed():
    # One that is known in the suite; `random` chooses another each time.
    chosen = os.environ.get("ACCESS_HISTORY_SEED", "61")
    found = random.SystemRandom().randrange(2**32) if chosen == "random" else int(chosen)
    print(f"ACCESS_HISTORY_SEED={found}")
    return found


@pytest.fixture
def clock(monkeypatch):
    # The database's own clock doesn't move, and captured changes are compared with events by it.
    monkeypatch.setattr(settlement, "MAX_TIME_DIFFERENCE", timedelta(days=36_500))
    # Always the same one, after all that was done before, so that a seed repeats all.
    return MovingClock(monkeypatch, datetime(2040, 1, 1, tzinfo=UTC))


def test_every_moment_is_as_the_tables_were_then(cast, clock, seed, tmp_path):
    # The cast's first account left without an event: the history begins with what there is.
    call_command("rebuild_access_history", record_differences=True)
    operations = RandomOperations(seed, clock, [cast.super_admin, make_user("the-root", "super_admin")], tmp_path)
    steps = [take_step(number, operations, clock) for number in range(OPERATIONS)]
    print({name: count for name, count in operations.done.items() if count})
    assert [name for name, count in operations.done.items() if not count] == [] or OPERATIONS < MIN_FOR_EACH
    call_command("rebuild_access_history", check=True)
    erased = erased_people()
    assert_answers(steps, erased)
    auditor = Offline([*(path.read_bytes() for path in operations.archives), complete()])
    sample = operations.random.sample(steps, min(SAMPLE, len(steps)))
    for step in sample:
        assert_same_file(step, table_at(step.moment), auditor.table_at(step.moment))
    GrantPeriod.objects.filter(pk=GrantPeriod.objects.order_by("pk").last().pk).update(from_at=steps[0].moment)
    with pytest.raises(CommandError, match=r"\d differences?\."):
        call_command("rebuild_access_history", check=True)
    call_command("rebuild_access_history")
    assert_answers(sample, erased)


def take_step(number, operations, clock):
    text = operations.step()
    if operations.random.random() < 0.2:
        catch_up()  # as the worker does, in the midst of it
    return Step(number, text, clock.now, read_tables(clock.now))


def erased_people():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM users WHERE username LIKE %s", ["erased:%"])
        return {pk for (pk,) in cursor.fetchall()}


def answer_at(moment):
    """What an answer of the API says of a moment."""
    return {
        row.id: Person(row.username, row.full_name, row.status, tuple(row.roles), tuple(row.permissions))
        for row in all_rows(Question(Window.at(moment)))
    }


def table_at(moment):
    """The same answer as a file."""
    rows = map(cells, all_rows(Question(Window.at(moment))))
    return "".join(csv_lines(chain([COLUMNS], rows), with_bom=False)).encode()


class Offline:
    """What the auditors' program makes of files, which it checks once."""

    def __init__(self, files):
        self.known = verifier.Access(timezone.now())
        for content in files:
            check = verifier.Check([verifier.key_of(first_key())], [], self.known.collect)
            verifier.run(io.BytesIO(content), check, [])
            assert not check.wrong

    def table_at(self, moment):
        access = verifier.Access(moment)
        access.events = self.known.events
        access.replay()
        table = access.table()
        assert access.odd == []
        return table


def assert_same_file(step, server, offline):
    pairs = zip_longest(server.splitlines(), offline.splitlines())
    if different := [pair for pair in pairs if pair[0] != pair[1]]:
        pytest.fail(f"{step}\n  server:  {different[0][0]}\n  offline: {different[0][1]}", pytrace=False)


def assert_answers(steps, erased):
    """Every answer is what the tables said, but for the names of people who were erased since."""
    first = {}
    for step in steps:
        found = answer_at(step.moment)
        for pk in sorted({*found, *step.people}):
            right = step.people.get(pk)
            if right and pk in erased:
                right = right._replace(username="", full_name=f"an erased person (#{pk})")
            if found.get(pk) != right and pk not in first:
                first[pk] = (step, found.get(pk), right)
    if first:
        pytest.fail("\n".join(_described(pk, *first[pk], steps) for pk in list(first)[:SHOWN]), pytrace=False)


def _described(pk, step, found, right, steps):
    about = re.compile(rf"\b{pk}\b")
    before = [str(one) for one in steps if one.number <= step.number and about.search(one.text.split("{")[0])]
    lines = [f"Account {pk} after step {step}", f"  tables: {right}", f"  answer: {found}", *before[-6:]]
    events = AuditLog.objects.filter(resource="user", resource_id=str(pk), timestamp__lte=step.moment + DAY)
    lines += [
        f"  event {event.pk} at {event.timestamp.isoformat()}: {event.action} {event.details}" for event in events[:8]
    ]
    return "\n".join(lines)
