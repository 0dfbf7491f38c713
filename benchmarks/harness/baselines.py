"""Upper bounds: bcrypt alone on all cores, and the list's SQL alone. Each runs as a program.

python -m benchmarks.harness.baselines bcrypt --seconds 5
python -m benchmarks.harness.baselines sql --seconds 5 --connections 8 --database postgresql://…
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.harness.client import summary

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
    work = password_checks() if options.what == "bcrypt" else page_reads(options.database)
    count = range(options.connections)
    began, before = time.perf_counter(), time.process_time()
    # Threads: bcrypt and psycopg both let go of the interpreter while they work or wait. There are as many as the
    # servers get requests at a time, since on a busy machine more of them get more of it.
    with ThreadPoolExecutor(options.connections) as pool:
        parts = pool.map(lambda _: work(began + options.seconds), count)
        times = [taken for part in parts for taken in part]
    spent = (time.process_time() - before) / len(times) * 1000
    json.dump({**summary(times, time.perf_counter() - began), "server_cpu": spent}, sys.stdout)


def password_checks():
    """What checks one password until a moment and returns the seconds of each check."""
    import bcrypt

    password = b"Benchmark-2026!"
    hashed = bcrypt.hashpw(password, bcrypt.gensalt(COST))
    return lambda deadline: repeat(lambda: bcrypt.checkpw(password, hashed), deadline)


def page_reads(database):
    """What reads the first page until a moment, on a connection of its own, and returns the seconds of each reading."""
    import psycopg

    def read(connection):
        connection.execute(COUNT).fetchone()
        rows = connection.execute(PAGE).fetchall()
        connection.execute(ROLES, [[row[0] for row in rows]]).fetchall()

    def work(deadline):
        with psycopg.connect(database, autocommit=True, prepare_threshold=0) as connection:
            return repeat(lambda: read(connection), deadline)

    return work


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
