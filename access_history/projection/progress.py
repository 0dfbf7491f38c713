"""How far the projection has come."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from access_history.models import HistoryState
from audit.models import AuditLog

#: A PostgreSQL advisory lock that nothing else in the database takes.
ADVISORY_LOCK_ID = 7_203_921


@dataclass(frozen=True, slots=True)
class Progress:
    """The last event that was replayed, and until when the tables say all; `complete_to` is None if up to now."""

    last_event: int
    begins_at: datetime | None
    complete_to: datetime | None = None


def lock_history() -> None:
    """Keep other processes from writing the projection until this transaction ends.

    It is taken before any lock of the log, of which readers of the log under this one would wait otherwise.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("The access history is locked within a transaction.")
    # SQLite's transactions exclude each other already.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])


def read_state() -> HistoryState:
    """The one row, which isn't stored before the first event was replayed."""
    return HistoryState.objects.filter(pk=HistoryState.ONLY_ID).first() or HistoryState(pk=HistoryState.ONLY_ID)


def first_moment() -> datetime | None:
    """The moment of the first event that the database has."""
    return AuditLog.objects.order_by("pk").values_list("timestamp", flat=True).first()
