"""What someone changes in the database in the midst of a service's transaction, or in a way that looks like nothing."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.authentication.login import sign_in_with_tokens
from accounts.models import Role, User
from accounts.users.services import update_user
from audit.models import Action, AuditLog
from audit.sealing.sealer import Sealer
from audit.services import build_event
from reprotech.testing.cast import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def run(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def captured(cast):
    """What was on record only because the database captured it, as (resource, id, table)."""
    Sealer().seal()

    def ask():
        Sealer().seal()
        rows = AuditLog.objects.filter(details__source="database").order_by("pk")
        return {(row.resource, row.resource_id, row.details["table"]) for row in rows}

    return ask


def give_role(user):
    role = Role.objects.get(slug="super_admin").pk
    return "INSERT INTO user_roles (user_id, role_id) VALUES (%s, %s)", user.pk, role


def make_active(user):
    return "UPDATE users SET is_active = NOT is_active WHERE id = %s", user.pk


def replace_password(user):
    return "UPDATE users SET password_hash = 'x' WHERE id = %s", user.pk


@pytest.mark.parametrize(("age", "is_on_record"), [(timedelta(hours=1), False), (timedelta(days=2), True)])
def test_an_old_event_that_is_inserted_once_more_hides_nothing(cast, captured, age, is_on_record):
    """Such as one that was archived: its code is right, and no row of the log shows that it is a copy."""
    named = {"resource": "user", "resource_id": cast.viewer.pk, "changes": {"is_active": (True, False)}}
    archived = build_event(actor=SYSTEM, action=Action.UPDATE, **named)
    archived.timestamp = timezone.now() - age
    with transaction.atomic():
        archived.save()
        run(*make_active(cast.viewer))
    assert bool(captured()) is is_on_record


@pytest.mark.parametrize(
    ("statement", "table"), [(give_role, "user_roles"), (make_active, "users"), (replace_password, "users")]
)
@pytest.mark.parametrize("is_sign_in", [False, True])
def test_a_change_beside_an_event_that_does_not_name_it_is_on_record(cast, captured, statement, table, is_sign_in):
    with transaction.atomic():
        if is_sign_in:
            sign_in_with_tokens(identifier="the-viewer", password=PASSWORD)
        else:
            update_user(actor=SYSTEM, user_id=cast.viewer.pk, first_name="Ann")
        run(*statement(cast.viewer))
    assert captured() == {("user", str(cast.viewer.pk), table)}


@pytest.mark.parametrize(("table", "resource"), [("users", "user"), ("roles", "role")])
def test_rows_that_exchange_their_keys_are_on_record(cast, captured, table, resource):
    """By references that are checked at the end alone, each then has what refers to the other."""
    one, other = (
        (cast.viewer.pk, cast.super_admin.pk)
        if resource == "user"
        else Role.objects.filter(slug__in=["viewer", "super_admin"]).values_list("pk", flat=True)
    )
    with transaction.atomic():
        for old, new in ((one, -1), (other, one), (-1, other)):
            run(f"UPDATE {table} SET id = %s WHERE id = %s", new, old)  # noqa: S608 (a constant)
    if resource == "user":
        assert User.objects.get(username="the-viewer").roles.filter(slug="super_admin").exists()
    assert {(resource, str(one), table), (resource, str(other), table)} <= captured()
