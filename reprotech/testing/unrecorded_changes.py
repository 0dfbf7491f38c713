"""pytest plugin: a test fails in which a service changed something tracked that it didn't record, or announce.

A service runs in a block of `explicitly_recorded`, where django-auditlog tracks nothing: it records by itself. The
database's triggers capture its changes all the same. So when the outermost block ends, what they captured in it is
compared, transaction by transaction, with the events that were written in it, by the rule that the sealer goes by. What
was rolled back left neither. Both are read past Django: tests that count queries count those of services alone.

Of changes that cached sessions show, the cache must have been told in the block too: what goes past the ORM doesn't.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import Any, NamedTuple

import pytest

TRACKING = "audit.tracking.model_tracking"
#: Blocks that change what no event is about, and why.
WITHOUT_EVENTS = {
    "enqueue": "what sends a mail records why",
    "load": "demonstration data comes with events of its own, written by COPY",
}
LAST = """
SELECT (SELECT coalesce(max(id), 0) FROM audit_captured_changes), (SELECT coalesce(max(id), 0) FROM audit_logs)
"""
CHANGES = """
SELECT id, transaction_id, table_name, subjects, verb, columns FROM audit_captured_changes
WHERE id > {after} AND verb <> 'event' ORDER BY id
"""
EVENTS = """
SELECT {number}, action, resource, resource_id, user_id, session_id, details FROM audit_logs WHERE id > {after}
"""
#: Of an event's transaction. SQLite has none: `reprotech.db.sqlite` captures one beside the event.
NUMBER = {
    "postgresql": "transaction_id",
    "sqlite": "(SELECT transaction_id FROM audit_captured_changes"
    " WHERE verb = 'event' AND row_key = CAST(audit_logs.id AS text))",
}


class Change(NamedTuple):
    """A captured change, as `audit.capture.settlement` wants it."""

    id: int
    transaction_id: int | None
    table_name: str
    subjects: str
    verb: str
    columns: str

    def __str__(self) -> str:
        return f"{self.verb} of {self.table_name} ({self.columns or 'no columns'}) about {self.subjects}"


class Event(NamedTuple):
    """An event, likewise."""

    transaction_id: int | None
    action: str
    resource: str
    resource_id: str
    user_id: int | None
    session_id: Any
    details: dict[str, Any]


class Block(NamedTuple):
    """An outermost block: which service it belongs to, and the last rows of both tables before it."""

    service: str | None
    last_change: int
    last_event: int
    #: How many times this thread had announced something to the session cache.
    announcements: int


#: {id of a captured change: a sentence about it} since the last test.
found: dict[int, str] = {}
#: What each thread announced to the session cache: the names of versions, in order.
announced: dict[int, list[set[str]]] = defaultdict(list)
#: Ids of changes that tests made for themselves, in threads too, while services ran.
of_tests: set[int] = set()


@contextmanager
def someone_else() -> Iterator[None]:
    """A part of a test in the midst of a service, which does what another process would do then."""
    block = begin("")
    yield
    if block:
        end(block)


class Observed:
    """Stands in for the variable that `explicitly_recorded` sets for as long as its outermost block is open."""

    def __init__(self, variable: Any) -> None:
        self._variable = variable

    def get(self, *default: Any) -> Any:
        """As the variable's."""
        return self._variable.get(*default)

    def set(self, value: Any) -> Any:
        """A block begins."""
        return self._variable.set(value), begin(service_of(sys._getframe(1)))

    def reset(self, token: Any) -> None:
        """It ends, by an exception too."""
        set_before, block = token
        self._variable.reset(set_before)
        if block:
            end(block)


def begin(service: str | None) -> Block | None:
    """What the end of a block is compared with; None where there is nothing to compare. A test has no name."""
    rows = [] if service is None or service in WITHOUT_EVENTS else read(LAST)
    return Block(service, *rows[0], len(announced[get_ident()])) if rows else None


def service_of(frame: Any) -> str | None:
    """The name of the service that opened a block; "" for a test, None for tracking, which records by itself."""
    while is_in_between(frame):
        # As a decorator it is opened by `contextlib`, on behalf of this function.
        if frame.f_code.co_name == "inner" and "func" in frame.f_locals:
            function = frame.f_locals["func"]
            return "" if is_of_tests(function.__code__.co_filename) else function.__qualname__
        frame = frame.f_back
    if frame.f_globals["__name__"] == TRACKING:
        return None
    if is_of_tests(frame.f_code.co_filename):
        return ""
    service = frame.f_locals.get("change")  # of `audit.authorization.recording_denials`
    return service.__qualname__ if callable(service) else frame.f_code.co_qualname


def is_in_between(frame: Any) -> bool:
    """Whether a frame only opens the block, on behalf of another."""
    module = frame.f_globals["__name__"]
    return module in {__name__, "contextlib"} or (module == TRACKING and frame.f_code.co_name == "explicitly_recorded")


def is_of_tests(file: str) -> bool:
    """Whether a file belongs to the tests: what they change for themselves needs no event."""
    path = Path(file)
    return not {"tests", "testing"}.isdisjoint(path.parts) or path.name == "conftest.py"


def end(block: Block) -> None:
    """Note the changes of a block that no event is about."""
    changes = [Change(*row) for row in read(CHANGES, block.last_change)]
    if block.service:
        forgotten = unrecorded(changes, block.last_event)
        found.update({change.id: f"{block.service} left no event about this: {change}." for change in forgotten})
        for change in unannounced(changes, announced_since(block)):
            found.setdefault(change.id, f"{block.service} left cached sessions as they were before this: {change}.")
    else:
        of_tests.update(change.id for change in changes)


def unrecorded(changes: list[Change], last_event: int) -> Iterator[Change]:
    """Those that no event of their transaction is about."""
    from audit.capture.settlement import unexplained_changes

    by_transaction, events = defaultdict(list), defaultdict(list)
    for change in changes:
        by_transaction[change.transaction_id].append(change)
    for *row, details in read(EVENTS, last_event) if changes else ():
        event = Event(*row, details if isinstance(details, dict) else json.loads(details))
        events[event.transaction_id].append(event)
    for transaction_id, of_transaction in by_transaction.items():
        yield from unexplained_changes(of_transaction, events[transaction_id])


def announced_since(block: Block) -> set[str]:
    """The versions announced in a block, and by other threads at any time: it may see their changes too."""
    mine = announced[get_ident()]
    others = (versions for thread in list(announced.values()) if thread is not mine for versions in thread)
    return set().union(*mine[block.announcements :], *others)


def unannounced(changes: list[Change], versions: set[str]) -> Iterator[Change]:
    """Those that cached sessions show, without a word to the session cache."""
    from django.conf import settings

    from accounts.session_cache import keys, snapshots
    from audit.tracking.registry import tracked_models

    if not settings.REDIS_URL or keys.ROLES_VERSION in versions:
        return
    # Other apps listen for reasons of their own.
    entries = tracked_models().items()
    models = {model for model, entry in entries if entry.on_change and model._meta.app_label == "accounts"}
    tables = {model._meta.db_table for model in models}
    relations = {
        getattr(model, name).through._meta.db_table for model in models for name in tracked_models()[model].relations
    }
    fields = [field for model in models for field in model._meta.concrete_fields]
    uncached = {field.column for field in fields if field.name in snapshots.NOT_CACHED}
    # Nobody has a cached session of what is new.
    new = {change.subjects.split()[0] for change in changes if change.verb == "insert" and change.table_name in tables}
    for change in changes:
        subject = change.subjects.split()[0]
        resource, _, row_id = subject.partition(":")
        version = keys.version_key(row_id) if resource == "user" else keys.ROLES_VERSION
        is_cached = change.verb != "update" or set(change.columns.split()) - uncached
        if change.table_name in tables | relations and subject not in new and is_cached and version not in versions:
            yield change


def read(query: str, after: int = 0) -> list[Any]:
    """Rows, by the driver alone; none where the database can't be asked."""
    from django.core.exceptions import SynchronousOnlyOperation
    from django.db import Error, connection

    # What is wrong with the connection is what the service itself will notice. In an event loop it has none.
    with suppress(Error, RuntimeError, SynchronousOnlyOperation):
        connection.ensure_connection()
    if connection.connection is None or is_broken(connection):
        return []
    cursor = connection.connection.cursor()
    try:
        return cursor.execute(query.format(after=after, number=NUMBER[connection.vendor])).fetchall()
    finally:
        cursor.close()


def is_broken(connection: Any) -> bool:
    """Whether its transaction takes no more statements, or it is closed."""
    if connection.vendor == "sqlite":
        return False
    from psycopg.pq import TransactionStatus

    state = connection.connection.info.transaction_status
    return state not in {TransactionStatus.IDLE, TransactionStatus.INTRANS}


def pytest_collection() -> None:
    """Django is set up by now."""
    from accounts.session_cache import invalidation
    from audit.tracking import model_tracking

    model_tracking.auditlog_disabled = Observed(model_tracking.auditlog_disabled)
    announce = invalidation._invalidate

    def observed(versions: set[str]) -> None:
        announced[get_ident()].append(versions)
        announce(versions)

    invalidation._invalidate = observed


def complain() -> None:
    """Fail the test whose services forgot something."""
    sentences = sorted({sentence for number, sentence in found.items() if number not in of_tests})
    found.clear()
    of_tests.clear()
    announced.clear()
    if sentences:
        pytest.fail("\n".join(["A service changed what it didn't record or announce.", *sentences]), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup():
    """What fixtures do counts too."""
    result = yield
    complain()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """The test itself."""
    result = yield
    complain()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown():
    """What runs on after it."""
    result = yield
    complain()
    return result
