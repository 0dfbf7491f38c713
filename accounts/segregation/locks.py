"""Two changes that each keep to an exclusion, and together break it, must not both pass."""

from django.db import connection

#: Arbitrary, and used for no other advisory lock of this database.
ADVISORY_LOCK_ID = 5_118_403


def lock_rights_of_people() -> None:
    """Before the roles of people are checked: what roles give, and the exclusions, stay until the transaction ends.

    Changes of people don't exclude each other, since each locks its users. Call it once the rows of users and roles are
    locked: who holds it must wait for none of them.
    """
    _lock("pg_advisory_xact_lock_shared")


def lock_rights_of_roles() -> None:
    """Before the permissions of a role, or the exclusions, change: nobody's roles change until the transaction ends."""
    _lock("pg_advisory_xact_lock")


def _lock(function: str) -> None:
    # SQLite's transactions exclude each other already.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A statement of its own: what a statement reads is of the moment at which it began to wait.
            cursor.execute(f"SELECT {function}(%s)", [ADVISORY_LOCK_ID])
