"""What nothing can exceed: bcrypt alone on all cores, and the list's SQL alone. Each runs as a program.

python -m benchmarks.compare.limits bcrypt --seconds 5
python -m benchmarks.compare.limits sql --seconds 5 --connections 8 --database postgresql://…
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.compare.client import summary

COST = 12
#: The first page of our list by hand: the number of users, ten of them, their roles.
COUNT = "SELECT sum(change) FROM user_counts WHERE name = 'existing'"
PAGE = """
SELECT id, username, email, first_name, last_name, is_active, last_login, created_at, updated_at
FROM users WHERE deleted_at IS NULL ORDER BY id LIMIT 10
"""
ROLES = "SELECT user_id, name FROM user_roles JOIN roles ON roles.id = role_id WHERE user_id = ANY(%s)"


def main():
    """Measure one of them and write the figures."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("what", choices=("bcrypt", "sql"))
    arguments.add_argument("--seconds", type=float, required=True)
    arguments.add_argument("--connections", type=int, default=os.cpu_count())
    arguments.add_argument("--database", default="")
    options = arguments.parse_args()
    if options.what == "bcrypt":
        work, count = check_passwords, os.cpu_count()
    else:
        work, count = read_pages, options.connections
    began = time.perf_counter()
    # Threads: bcrypt and psycopg both let go of the interpreter while they work or wait.
    with ThreadPoolExecutor(count) as pool:
        parts = pool.map(lambda _: work(began + options.seconds, options.database), range(count))
        times = [taken for part in parts for taken in part]
    json.dump(summary(times, time.perf_counter() - began), sys.stdout)


def check_passwords(deadline, _):
    """Check one password until then; returns the seconds of each check."""
    import bcrypt

    password = b"Benchmark-2026!"
    hashed = bcrypt.hashpw(password, bcrypt.gensalt(COST))
    return repeat(lambda: bcrypt.checkpw(password, hashed), deadline)


def read_pages(deadline, database):
    """Read the first page until then, on a connection of one's own; returns the seconds of each reading."""
    import psycopg

    with psycopg.connect(database, autocommit=True, prepare_threshold=0) as connection:

        def read():
            connection.execute(COUNT).fetchone()
            rows = connection.execute(PAGE).fetchall()
            connection.execute(ROLES, [[row[0] for row in rows]]).fetchall()

        return repeat(read, deadline)


def repeat(work, deadline):
    """Do it until then, once at least."""
    times = []
    while not times or time.perf_counter() < deadline:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return times


if __name__ == "__main__":
    main()
