"""Reads the log in the order of the tree, and computes what each event's leaf must be."""

from collections.abc import Iterator
from typing import NamedTuple

from django.db import DataError

from audit.crypto.merkle import leaf_hash
from audit.crypto.sealed_row import SealedRow, StoredColumns, canonical_bytes, is_authentic_content
from audit.models import AuditLog, Leaf

#: Rows that are read at once: queries cost little, and so does memory.
BATCH_SIZE = 2_000
COLUMNS = (*SealedRow._fields, "authentication")
#: The hash of a row that can't be read.
UNREADABLE = b""
#: Errors of reading values that no event can hold, which another program wrote.
UNREADABLE_ERRORS = (AttributeError, TypeError, ValueError, DataError)

#: The values of COLUMNS.
Row = StoredColumns


class Entry(NamedTuple):
    """A stored leaf, and the event that it names."""

    position: int
    event_id: int
    leaf: bytes
    #: None: there is no such event, or it can't be read.
    row: SealedRow | None
    #: What the leaf should be by the event; None when there is no such event.
    computed: bytes | None
    #: Whether a present SECRET_KEY made the row's authentication code.
    is_authentic: bool


def read_entries(start: int, end: int) -> Iterator[Entry]:
    leaves = Leaf.objects.order_by("position").values_list("position", "event_id", "hash")
    while batch := list(leaves.filter(position__gte=start, position__lt=end)[:BATCH_SIZE]):
        start = batch[-1][0] + 1
        rows = _rows(batch[0][0], start)
        for position, event_id, leaf in batch:
            yield make_entry(position, event_id, bytes(leaf), rows.get(event_id))


def make_entry(position: int, event_id: int, leaf: bytes, columns: Row | None) -> Entry:
    """A leaf with its event's COLUMNS: None when the event is missing, () when it is unreadable."""
    if not columns:
        return Entry(position, event_id, leaf, None, None if columns is None else UNREADABLE, False)
    row, code = SealedRow(*columns[:-1]), columns[-1]
    try:
        content = canonical_bytes(row)
    except UNREADABLE_ERRORS:
        return Entry(position, event_id, leaf, None, UNREADABLE, False)
    return Entry(
        position, event_id, leaf, row, leaf_hash(content), is_authentic_content(content, event_id, bytes(code))
    )


def _rows(start: int, end: int) -> dict[int, Row | None]:
    """The events of the leaves between these positions, by id."""
    named = Leaf.objects.filter(position__gte=start, position__lt=end).values("event_id")
    rows = AuditLog.objects.filter(pk__in=named).order_by()
    try:
        return {columns[0]: columns for columns in rows.values_list(*COLUMNS)}
    except UNREADABLE_ERRORS:
        # One by one, to find out which.
        return {key: _row(key) for key in rows.values_list("pk", flat=True)}


def _row(key: int) -> Row | None:
    try:
        return AuditLog.objects.values_list(*COLUMNS).filter(pk=key).first()
    except UNREADABLE_ERRORS:
        return ()
