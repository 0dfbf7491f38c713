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
#: Transactions last milliseconds; an import, or loading demonstration data, isn't waited for.
MAX_WAIT_SECONDS = 0.1
POLL_SECONDS = 0.01


class Horizon:
    """The last event that is settled. It remembers whom to wait for, so that long transactions only delay it."""

    def __init__(self) -> None:
        self._candidate = 0
        self._writers: set[str] = set()

    def settled_until(self, *, wait: bool = True) -> int:
        """The id of the last settled event, 0 if none is known to be."""
        newest = AuditLog.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        if connection.vendor != "postgresql":
            return newest  # SQLite's writers are serialized
        present = _writers()
        if not present:
            return newest
        # Those of the last call, unless nobody is left of them: then a later event may become settled.
        settled = 0
        if self._candidate and not self._writers & present:
            settled, self._candidate = self._candidate, 0
        if not self._candidate:
            self._candidate, self._writers = newest, present
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while wait and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            if not self._writers & _writers():
                settled, self._candidate = self._candidate, 0
                break
        return settled


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        return {name for (name,) in cursor.fetchall()}
