"""A connection that the server ended while it was idle is never given to a request."""

import pytest
from django.db import connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


def test_connections_that_were_ended_meanwhile_are_replaced():
    connection.ensure_connection()  # before, so that it isn't one of those that it ends
    users = [connection.copy() for _ in range(3)]
    for user in users:
        user.ensure_connection()
    ended = {user.connection.info.backend_pid for user in users}
    for user in users:
        user.close()  # back into the pool
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 10000) FROM unnest(%s) AS pid", [list(ended)])
    for user in users:
        with user.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone()[0] not in ended
    for user in users:
        user.close()
