"""Fills one database, and finds in it what to ask for; run as a program, with Django, before its server starts.

What is asked for fills a page at both sizes where there is such a value, so that no size has less to show.
"""

import argparse
import json
from pathlib import Path

from benchmarks.harness.sample_users import fill

#: How many values of each kind are asked for in turn, how many fill a page, and among how many events they are sought.
VALUES, PAGE, SOUGHT = 20, 10, 1_000
#: Every so many people, one whose username's middle and number are searched for.
PEOPLE = """
    SELECT substr(username, 4) FROM users WHERE deleted_at IS NULL AND username <> 'admin'
    AND id %% greatest(1, (SELECT max(id) FROM users) / %(values)s) = 1 ORDER BY id LIMIT %(values)s
"""
FIRST_NAME = """
    SELECT lower(first_name) FROM users WHERE first_name ~ '^[A-Za-z]{5,}$' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""
#: Of the events that stand evenly spread over the log.
SPREAD = """
    SELECT * FROM audit_logs WHERE id IN (
        SELECT least_id + (most_id - least_id) * n / %(sought)s FROM generate_series(1, %(sought)s) AS n,
        (SELECT min(id) AS least_id, max(id) AS most_id FROM audit_logs) AS whole
    )
"""
#: The value of each kind that such an event has, what it needs for that, and how events with the same are found.
KINDS = {
    "user": ("lower(username)", "user_id IS NOT NULL", "lower(username) = sought.value"),
    "involving": ("user_id", "user_id IS NOT NULL", "user_id = sought.value"),
    "ip_address": ("host(ip_address)", "ip_address IS NOT NULL", "ip_address = sought.value::inet"),
    "resource_id": ("resource_id", "resource = 'user' AND resource_id > ''", "resource_id = sought.value"),
    "session": ("session_id", "session_id IS NOT NULL", "session_id = sought.value"),
    "request_id": ("request_id", "request_id > ''", "request_id = sought.value"),
}
#: Those with a full page first.
SAMPLE = """
    SELECT value::text FROM (
        SELECT value, (SELECT count(*) FROM (SELECT 1 FROM audit_logs WHERE {same} LIMIT %(page)s) AS same) AS rows
        FROM (SELECT DISTINCT {value} AS value FROM ({spread}) AS spread WHERE {needed}) AS sought
    ) AS counted ORDER BY rows DESC, md5(value::text) LIMIT %(values)s
"""
MIDDLE = "SELECT timestamp::date::text FROM audit_logs ORDER BY id OFFSET (SELECT count(*) / 2 FROM audit_logs) LIMIT 1"
ADVICE = {"values": VALUES, "page": PAGE, "sought": SOUGHT}


def main():
    """Load, and write who may call and what to ask for."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--users", type=int, required=True)
    arguments.add_argument("--events", type=int, required=True)
    arguments.add_argument("--file", type=Path, required=True)
    options = arguments.parse_args()
    callers = fill(options.users, options.events)
    from django.db import connection

    with connection.cursor() as cursor:
        # Otherwise PostgreSQL would do it by itself while others are measured.
        cursor.execute("VACUUM ANALYZE")
    options.file.write_text(json.dumps({"callers": callers, **samples(options.users)}))


def samples(users):
    """What to ask for, by kind; and how many signposts' orders there will be."""
    from django.db import connection

    from accounts.user_list import page_index
    from accounts.user_list.filters import UserFilter

    def column(statement):
        cursor.execute(statement, ADVICE)
        return [row[0] for row in cursor.fetchall()]

    with connection.cursor() as cursor:
        found = {
            name: column(SAMPLE.format(value=value, needed=needed, same=same, spread=SPREAD))
            for name, (value, needed, same) in KINDS.items()
        }
        return {
            **found,
            "people": column(PEOPLE),
            "first_name": column(FIRST_NAME),
            "middle": column(MIDDLE)[0],
            "sorts": [*UserFilter.sorts],
            "signposts": 2 * len(page_index.ORDERS) if users > page_index.MIN_POSITION else 0,
        }


if __name__ == "__main__":
    main()
