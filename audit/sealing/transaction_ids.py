"""PostgreSQL's numbers of transactions, by which the sealer finds new events (see `audit.sealing.sealer`)."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

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
    """Forget the numbers that another server gave: larger than its own, they would have the sealer look at all events.

    Dropping the column touches no row. The sealer looks at all events once in each process, so none is overlooked.
    What the database captured and nobody settled yet keeps its transactions, under negative numbers.
    """
    if connection.vendor != "postgresql":
        return
    with suspended(), connection.cursor() as cursor:
        columns = {column.name for column in connection.introspection.get_table_description(cursor, "audit_logs")}
        if "transaction_id" not in columns:
            return  # of before there was a seal
        has_captured = CAPTURED_CHANGES_TABLE in connection.introspection.table_names(cursor)
        events = _events_beside_changes(cursor) if has_captured else []
        for statement in ["ALTER TABLE audit_logs DROP COLUMN transaction_id", *ADD_COLUMN]:
            cursor.execute(statement)
        if has_captured:
            cursor.execute("UPDATE audit_captured_changes SET transaction_id = -abs(transaction_id)")
            assign_transaction_ids(cursor, events)


def _events_beside_changes(cursor: Any) -> list[tuple[int, int]]:
    """What was captured and not settled yet: events of the same transactions, as ids and numbers of these."""
    cursor.execute(EVENTS_OF_CAPTURED_CHANGES)
    return list(cursor.fetchall())


def assign_transaction_ids(cursor: Any, events: Sequence[tuple[int, int]]) -> None:
    """Give events, by their ids, numbers of transactions. Negative ones are none of this server's.

    Within `append_only.suspended`.
    """
    if events:
        cursor.execute(
            "UPDATE audit_logs SET transaction_id = given.number "
            "FROM unnest(%s::bigint[], %s::bigint[]) AS given (id, number) WHERE audit_logs.id = given.id",
            [list(column) for column in zip(*events, strict=True)],
        )
