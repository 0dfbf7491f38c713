"""The backend. It gives each transaction a random number, as PostgreSQL does and SQLite doesn't.

By it the sealer sees that a change and an event of the audit log were written together (`audit.capture.triggers`).
Other programs have no such numbers, so their changes are never taken for those of a service.
"""

import secrets
import weakref
from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    #: Of the transaction that is open, None outside of one. Negative, since PostgreSQL's are positive: those of a
    #: database that moved there are never taken for one of its own.
    transaction_number: int | None = None
    #: Called with the driver's connection before each transaction begins; see `audit.apps`.
    before_transaction: Callable[[Any], None] | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection whose SQL knows the function `reprotech_transaction`."""
        connection: Any = super().get_new_connection(conn_params)
        wrapper = weakref.ref(self)

        def number() -> int | None:
            present = wrapper()
            # A statement of its own is a transaction too, but one that can hold no event beside the change.
            return present.transaction_number if present and present.connection.in_transaction else None

        connection.create_function("reprotech_transaction", 0, number)
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        if self.before_transaction:
            self.before_transaction(self.connection)
        super()._start_transaction_under_autocommit()  # type: ignore[misc]
        self.transaction_number = -1 - secrets.randbits(62)

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        if autocommit:
            self.transaction_number = None

    def close(self) -> None:
        """Close the connection, which ends its transaction."""
        super().close()
        self.transaction_number = None
