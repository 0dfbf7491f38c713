"""Up to which event the log is settled: no transaction that still runs can add one before it.

Events get their ids when they are written and appear when their transactions commit, so that a lower id may appear
later. Who writes an event holds a lock of the table from before it gets the id until it commits. So if nobody who held
it when an id was read holds it any more, all lower ids have appeared.
"""

import time

from django.db import connection

from audit.models import AuditLog

WRITERS = """
SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = 'audit_logs'::regclass
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND mode = 'RowExclusiveLock' AND granted AND pid <> pg_backend_pid()
"""
POLL_SECONDS = 0.01


def settled_until(max_wait: float) -> int:
    """The id of the last settled event; 0 if those who write at this moment haven't ended after so many seconds."""
    newest = AuditLog.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if connection.vendor != "postgresql":
        return newest  # SQLite's writers are serialized
    deadline = time.monotonic() + max_wait
    # Only those of now: who begins later gets higher ids.
    left = _writers()
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left &= _writers()
    return 0 if left else newest


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        return {name for (name,) in cursor.fetchall()}
