"""Statements of constant text find the same on both databases."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.db import connection, transaction

from accounts.models import Role
from reprotech.db.constant_statements import ConstantStatement

pytestmark = pytest.mark.django_db(transaction=True)

MOMENT = datetime(2026, 3, 3, 12, 30, 0, 120_000, UTC)
ROLES = ConstantStatement(
    """
    SELECT id, name, created_at, max(created_at), is_system, NULL FROM roles
    WHERE created_at >= {since:moment} AND created_at < {until:moment} AND id IN (SELECT value FROM {ids:numbers})
        AND {day:day} <> {until:moment} AND {since:moment} IS NOT NULL
    GROUP BY id, name, created_at, is_system
    """,
    ("number", "text", "moment", "moment", "boolean", "text"),
)
JOINED = ConstantStatement("SELECT {string_agg}(name, ' ') FROM roles WHERE slug = 'viewer'", ("text",))


@pytest.mark.parametrize("is_in_transaction", [False, True])
def test_values_and_columns_have_their_types(is_in_transaction):
    role = Role.objects.create(name="Ännchens role", slug="aennchen", created_at=MOMENT)
    east = MOMENT.astimezone(timezone(timedelta(hours=5)))
    values = {"since": east, "until": east + timedelta(microseconds=1), "day": date(2026, 1, 1)}
    if is_in_transaction:
        with transaction.atomic():
            found = ROLES.rows(ids=[7_000_000_000, role.pk], **values)
    else:
        connection.close()
        found = ROLES.rows(ids=[7_000_000_000, role.pk], **values)
    assert found == [(role.pk, "Ännchens role", MOMENT, MOMENT, False, None)]
    assert {moment.utcoffset() for moment in found[0][2:4]} == {timedelta()}
    assert ROLES.rows(ids=[], **values) == []
    assert ROLES.rows(ids=[role.pk], **{**values, "until": east}) == []


def test_the_names_of_functions_are_those_of_the_database(cast):
    assert JOINED.rows() == [("Viewer",)]
