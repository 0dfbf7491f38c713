"""A row that can't be read, written by those who have the password of the server's database role, stops nothing."""

import pytest
from django.db import connection

from audit.models import AuditLog
from audit.sealing.sealer import Sealer
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

ROWS = [
    {"details": "'[]'::jsonb"},
    {"details": "'null'::jsonb"},
    {"details": "('{\"a\": ' || repeat('9', 5000) || '}')::jsonb"},
    {"details": "('{\"a\":' || repeat('[', 3000) || repeat(']', 3000) || '}')::jsonb"},
    {"ip_address": "'fe80::1/64'::inet"},
    {"timestamp": "'infinity'"},
    {"timestamp": "'9999-12-31 23:59:59+00'"},
    {"timestamp": "'4000-01-01 BC'"},
]


def insert_like_the_last(values):
    fields = [field.column for field in AuditLog._meta.concrete_fields if field.column != "id" and not field.generated]
    columns, written = ", ".join(fields), ", ".join(values.get(name, name) for name in fields)
    with connection.cursor() as cursor:
        statement = f"INSERT INTO audit_logs ({columns}) SELECT {written} FROM audit_logs ORDER BY id DESC LIMIT 1"  # noqa: S608 (no input)
        cursor.execute(statement)


def test_forged_rows_are_refused_and_all_others_are_sealed_and_shown(cast):
    Sealer().seal()
    for values in ROWS:
        insert_like_the_last(values)
    make_user("ben")
    result = Sealer().seal()
    assert (len(result.refused), result.count) == (len(ROWS), 1)
    assert "ben" in page_client(cast.super_admin).get("/audit").text


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20000-01-01"])
def test_a_time_that_python_has_none_for_becomes_an_event_like_any_change(cast, moment):
    ann = make_user("ann")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET ends_at = %s WHERE id = %s", [moment, ann.pk])
    assert Sealer().seal().refused == []
    event = AuditLog.objects.order_by("-pk").first()
    assert (event.resource_name, event.details["columns"]) == ("ann", ["ends_at"])
    assert page_client(cast.super_admin).get("/users").status_code == 200
