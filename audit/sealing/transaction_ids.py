"""PostgreSQL's transaction ids, by which the sealer finds new events (see `audit.sealing.sealer`)."""

from collections.abc import Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper

from audit.sealing.append_only_triggers import CAPTURED_CHANGES_TABLE, suspended

ADD_COLUMN = [
    "ALTER TABLE audit_logs ADD COLUMN transaction_id bigint",
    "ALTER TABLE audit_logs ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()::text::bigint",
    "CREATE INDEX audit_transaction ON audit_logs (transaction_id)",
]
EVENTS_OF_CAPTURED_CHANGES = """
SELECT id, -abs(transaction_id) FROM audit_logs
WHERE transaction_id IN (SELECT transaction_id FROM audit_captured_changes)
"""


def reset_transaction_ids() -> None:
    """Drop the ids that another server assigned: larger than this one's, they would make the sealer scan all events.

    Dropping the column touches no row, and each process scans all events once, so none is missed. Captured changes that
    are not settled yet keep their transactions, as negative numbers.
    """
    if connection.vendor != "postgresql":
        return
    with suspended(), connection.cursor() as cursor:
        columns = {column.name for column in connection.introspection.get_table_description(cursor, "audit_logs")}
        if "transaction_id" not in columns:
            return  # a database older than the seal
        has_captured = CAPTURED_CHANGES_TABLE in connection.introspection.table_names(cursor)
        events: list[tuple[int, int]] = []
        if has_captured:
            cursor.execute(EVENTS_OF_CAPTURED_CHANGES)
            events = cursor.fetchall()
        for statement in ["ALTER TABLE audit_logs DROP COLUMN transaction_id", *ADD_COLUMN]:
            cursor.execute(statement)
        if has_captured:
            # This server assigns positive ids only, so none can equal one of these.
            cursor.execute("UPDATE audit_captured_changes SET transaction_id = -abs(transaction_id)")
            assign_transaction_ids(cursor, events)


def assign_transaction_ids(cursor: CursorWrapper, events: Sequence[tuple[int, int]]) -> None:
    """Set the transaction ids of events, negative ones for another server's. Needs `append_only_triggers.suspended`."""
    if events:
        cursor.execute(
            "UPDATE audit_logs SET transaction_id = given.number "
            "FROM unnest(%s::bigint[], %s::bigint[]) AS given (id, number) WHERE audit_logs.id = given.id",
            [list(column) for column in zip(*events, strict=True)],
        )
