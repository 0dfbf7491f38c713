"""The usernames in the log, also of people who are gone or never were: found through the index, not by a scan."""

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


def names_beginning_with(text: str) -> list[str]:
    """Usernames in lower case that begin with the text; not all where more than MAX_STEPS follow it."""
    begins = text.lower()
    with connection.cursor() as cursor:
        cursor.execute(NEXT_NAMES_SQL, {"begins": begins, "steps": MAX_STEPS})
        return [name for (name,) in cursor.fetchall() if name.startswith(begins)]
