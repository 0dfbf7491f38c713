"""The usernames in the log, also of people who are gone or never were, and the latest events of many people: found
through indexes, not by a scan."""

from collections.abc import Iterable

from django.db import connection

#: Each step finds the next name in the index `audit_username`: as many steps as names, however many events they have.
NEXT_NAMES_SQL = """
    WITH RECURSIVE names(name, step) AS (
        SELECT * FROM (SELECT lower(username) AS name, 1 AS step FROM audit_logs
            WHERE lower(username) >= %(begins)s ORDER BY lower(username) LIMIT 1) AS first
        UNION ALL
        SELECT (SELECT lower(later.username) FROM audit_logs later
            WHERE lower(later.username) > names.name ORDER BY lower(later.username) LIMIT 1), names.step + 1
        FROM names WHERE names.name IS NOT NULL AND names.step < %(steps)s
    )
    SELECT name FROM names WHERE name IS NOT NULL
"""
MAX_STEPS = 100
#: The latest of each, merged. PostgreSQL would read the log backwards until it met enough events of them, or sort all.
LATEST_SQL = """
    SELECT latest.id FROM unnest(%(user_ids)s::bigint[]) AS one (user_id) CROSS JOIN LATERAL (
        SELECT id FROM audit_logs WHERE audit_logs.user_id = one.user_id ORDER BY id DESC LIMIT %(count)s) AS latest
    UNION
    SELECT latest.id FROM unnest(%(names)s::text[]) AS one (name) CROSS JOIN LATERAL (
        SELECT id FROM audit_logs WHERE lower(username) = one.name ORDER BY id DESC LIMIT %(count)s) AS latest
    ORDER BY id DESC LIMIT %(count)s
"""


def names_beginning_with(text: str) -> list[str]:
    """Usernames in lower case that begin with the text; not all where more than MAX_STEPS follow it."""
    begins = text.lower()
    with connection.cursor() as cursor:
        cursor.execute(NEXT_NAMES_SQL, {"begins": begins, "steps": MAX_STEPS})
        return [name for (name,) in cursor.fetchall() if name.startswith(begins)]


def latest_ids_of(user_ids: Iterable[int], names: Iterable[str], count: int) -> list[int]:
    """The newest events by these accounts, or under these usernames in lower case; on PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(LATEST_SQL, {"user_ids": [*user_ids], "names": [*names], "count": count})
        return [event_id for (event_id,) in cursor.fetchall()]
