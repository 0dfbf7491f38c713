"""The backend: each transaction gets a random id, which SQLite lacks.

By it the sealer sees that a change and its audit event were written together (`audit.capture.triggers`). Other programs
have no such ids, so their changes are never taken for those of a service.
"""

import secrets
import sqlite3
import weakref
from collections.abc import Callable

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    #: None outside a transaction. Negative, since PostgreSQL's are positive: after a move there, none can be
    #: mistaken for one of its own.
    transaction_number: int | None = None
    #: Called with the driver's connection before each transaction; see `audit.apps`.
    before_transaction: Callable[[sqlite3.Connection], None] | None = None

    def get_new_connection(self, conn_params: dict[str, object]) -> sqlite3.Connection:
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        wrapper = weakref.ref(self)

        def number() -> int | None:
            present = wrapper()
            # A statement in autocommit can hold no audit event besides the change.
            return present.transaction_number if present and present.connection.in_transaction else None

        connection.create_function("reprotech_transaction", 0, number)
        return connection

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Begin a transaction, with autocommit off, or end it."""
        if not autocommit and self.before_transaction:
            self.ensure_connection()
            self.before_transaction(self.connection)
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        self.transaction_number = None if autocommit else -1 - secrets.randbits(62)

    def close(self) -> None:
        super().close()
        self.transaction_number = None
