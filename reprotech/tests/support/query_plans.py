"""What PostgreSQL reads for a query."""

import json
import re

from django.db import connection


def steps(plan):
    """Each step of a plan, with the rows that it read."""
    yield plan, plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    for part in plan.get("Plans", ()):
        yield from steps(part)


def costly_steps(query, most):
    """The steps that read or sort more than so many rows."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")
        (found,) = cursor.fetchone()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return [f"{step['Node Type']} of {rows} rows: {query}" for step, rows in steps(plan) if rows > most]


def selects(captured):
    """The SELECTs of captured queries."""
    return [query["sql"] for query in captured if re.match(r"\s*(SELECT|WITH)", query["sql"])]
