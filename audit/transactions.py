"""PostgreSQL's numbers of transactions, by which the sealer finds new events (see `audit.sealing`)."""

from django.db import connection, transaction

COLUMN = [
    "ALTER TABLE audit_logs ADD COLUMN transaction_id bigint",
    "ALTER TABLE audit_logs ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()::text::bigint",
    "CREATE INDEX audit_transaction ON audit_logs (transaction_id)",
]


def begin_anew() -> None:
    """Forget the numbers that another server gave: larger than its own, they would have the sealer look at all events.

    Dropping the column touches no row. The sealer looks at all events once in each process, so none is overlooked.
    """
    if connection.vendor != "postgresql":
        return
    with transaction.atomic(), connection.cursor() as cursor:
        columns = {column.name for column in connection.introspection.get_table_description(cursor, "audit_logs")}
        if "transaction_id" not in columns:
            return  # of before there was a seal
        for statement in ["ALTER TABLE audit_logs DROP COLUMN transaction_id", *COLUMN]:
            cursor.execute(statement)
