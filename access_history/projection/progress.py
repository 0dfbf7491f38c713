"""How far the projection has come."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from access_history.access_events import ACTIONS
from access_history.models import HistoryState
from audit.models import AuditLog
from reprotech.db.constant_statements import ConstantStatement, Kind

#: A PostgreSQL advisory lock that nothing else in the database takes.
ADVISORY_LOCK_ID = 7_203_921
POLL_SECONDS = 0.01

#: As `access_events` has it: one event of many matters.
MATTERS = " OR ".join(
    "resource = '{}' AND action IN ({})".format(resource, ", ".join(f"'{action.value}'" for action in actions))
    for resource, actions in ACTIONS.items()
)
#: The tables say all until the moment of the first event that is missing. `max`: a row also before there is a state.
PROGRESS = f"""
    SELECT last_event, begins_at, (SELECT min(from_at) FROM access_account_periods) AS first_period,
        (
            SELECT timestamp FROM audit_logs WHERE id > last_event AND success AND ({MATTERS}) ORDER BY id LIMIT 1
        ) AS missing_since,
        difference_count, (SELECT coalesce(max(id), 0) FROM audit_logs) AS newest_event, replayed_at
    FROM (
        SELECT coalesce(max(last_event), 0) AS last_event, max(begins_at) AS begins_at,
            max(replayed_at) AS replayed_at, coalesce(max(difference_count), 0) AS difference_count
        FROM access_history_state
    ) AS state
"""  # noqa: S608 (constants)  # nosec B608
PROGRESS_KINDS: tuple[Kind, ...] = ("number", "moment", "moment", "moment", "number", "number", "moment")
STATEMENT = ConstantStatement(PROGRESS, PROGRESS_KINDS)


@dataclass(frozen=True, slots=True)
class Progress:
    """The last event that was replayed, and until when the tables say all; `complete_to` is None if up to now."""

    last_event: int
    #: The first moment that the log speaks of, which its first event need not have: some say when something was so.
    begins_at: datetime | None
    complete_to: datetime | None = None
    #: Of the last check.
    difference_count: int = 0
    #: The id of the log's last event, which need not matter here.
    newest_event: int = 0
    replayed_at: datetime | None = None

    @property
    def version(self) -> str:
        """Another one after each change of the tables, but for names that are erased."""
        return f"{self.last_event} {self.replayed_at}"


def read_progress() -> Progress:
    return progress_from(STATEMENT.rows()[0])


def progress_from(row: Sequence[Any]) -> Progress:
    """Of a row of the statement above."""
    last_event, first_event, first_period, missing_since, *others = row
    begins_at = min((moment for moment in (first_event, first_period) if moment is not None), default=None)
    return Progress(last_event, begins_at, missing_since, *others)


def lock_history(max_wait: float = math.inf) -> bool:
    """Keep other processes from writing the projection until this transaction ends.

    It is taken before any lock of the log, of which readers of the log under this one would wait otherwise. Returns
    False if another process has held it for so many seconds.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("The access history is locked within a transaction.")
    # SQLite's transactions exclude each other already.
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        if max_wait == math.inf:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])
            return True
        deadline = time.monotonic() + max_wait
        while not _is_free(cursor):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
    return True


def _is_free(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])
    return bool(cursor.fetchone()[0])


def read_state() -> HistoryState:
    """The one row, which isn't stored before the first event was replayed."""
    return HistoryState.objects.filter(pk=HistoryState.ONLY_ID).first() or HistoryState(pk=HistoryState.ONLY_ID)


def first_moment() -> datetime | None:
    """The moment of the first event that the database has."""
    return AuditLog.objects.order_by("pk").values_list("timestamp", flat=True).first()
