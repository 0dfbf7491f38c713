"""Loads a whole history into the log at once, sealed, by PostgreSQL's COPY: millions of events in minutes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from audit.crypto.merkle import leaf_hash
from audit.crypto.sealed_row import SealedRow, authentication_code_of, canonical_bytes
from audit.models import AuditLog
from audit.sealing.sealer import Sealer, latest_checkpoint, sealing_lock, sign_tree
from audit.sealing.signing_keys import current_signer
from audit.sealing.stored_tree import LEVEL_STEP
from audit.statistics import daily_counts, id_ranges

COLUMNS = (*SealedRow._fields, "authentication")
LEAF_COLUMNS = ("position", "event_id", "hash")
NODE_COLUMNS = ("level", "index", "hash")
# For building indexes; PostgreSQL's own 64 MB would sort millions of rows on disk.
MAINTENANCE_MEMORY = "512MB"


class HistoryLoader:
    """Adds events to the log and to its tree."""

    def __init__(self) -> None:
        """Start at the tree's present edge; raises LedgerCorrupted or SigningKeyError."""
        self._previous = latest_checkpoint()
        self._frontier = Sealer().trusted_frontier(self._previous)

    def add(self, events: Iterable[SealedRow], first_id: int) -> None:
        """Add events with consecutive ids."""
        numbered = [event._replace(id=event_id) for event_id, event in enumerate(events, first_id)]
        rows, leaves, nodes = [], [], []
        for event_id, event in enumerate(numbered, first_id):
            content = canonical_bytes(event)
            row = event._asdict() | {"details": json.dumps(event.details)}
            rows.append((*row.values(), authentication_code_of(content, event_id)))
            leaf = leaf_hash(content)
            leaves.append((self._frontier.size, event_id, leaf))
            # The other levels are computed from these when a proof needs them.
            nodes += [node for node in self._frontier.append(leaf) if node[0] % LEVEL_STEP == 0]
        copy_rows("audit_logs", COLUMNS, rows)
        copy_rows("audit_leaves", LEAF_COLUMNS, leaves)
        copy_rows("audit_nodes", NODE_COLUMNS, nodes)
        id_ranges.add((event_id, event.timestamp) for event_id, event in enumerate(numbered, first_id))
        daily_counts.add(
            daily_counts.CountKey.of(event.timestamp, event.action, success=event.success) for event in numbered
        )

    def sign(self) -> None:
        if self._frontier.size > (self._previous.size if self._previous else 0):
            sign_tree(self._frontier, self._previous, current_signer())


@contextmanager
def bulk_loading() -> Iterator[HistoryLoader]:
    """A transaction in which a history is loaded and then signed. Other writers of the log wait."""
    # What was committed before comes first in the tree.
    Sealer().seal()
    with sealing_lock(), indexes_dropped("audit_logs"):
        loader = HistoryLoader()
        yield loader
        loader.sign()


def reserve_ids(count: int) -> int:
    """Reserve consecutive ids for events, within `bulk_loading`; returns the first."""
    with connection.cursor() as cursor:
        first: int = (AuditLog.objects.order_by("pk").values_list("pk", flat=True).last() or 0) + 1
        # COPY sets ids itself: without this the next event would get one of theirs.
        cursor.execute("SELECT setval(pg_get_serial_sequence('audit_logs', 'id'), %s)", [first + count])
    return first


def copy_rows(table: str, columns: Iterable[str], rows: Iterable[Sequence[object]]) -> None:
    quoted = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({quoted}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


@contextmanager
def indexes_dropped(table: str) -> Iterator[None]:
    """Drop a table's indexes, except those of constraints, and rebuild them at the end: far quicker for many rows.

    Needs a transaction; the table is locked in it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s "
            "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = format('%%I', indexname)::regclass)",
            [table],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL maintenance_work_mem = '{MAINTENANCE_MEMORY}'")
        # A table whose foreign keys wait to be checked at the commit gets no index.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
