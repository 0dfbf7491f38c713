"""How far the projection has come."""

import math
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from access_history.models import HistoryState
from audit.models import AuditLog

#: A PostgreSQL advisory lock that nothing else in the database takes.
ADVISORY_LOCK_ID = 7_203_921
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Progress:
    """The last event that was replayed, and until when the tables say all; `complete_to` is None if up to now."""

    last_event: int
    begins_at: datetime | None
    complete_to: datetime | None = None


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
