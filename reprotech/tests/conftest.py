"""Fixtures for the tests of the whole."""

import pytest
from django.db import connection

from accounts.models import Role, RoleGrant, Session, User
from reprotech.tests.support.command_runner import Installation


@pytest.fixture(scope="session")
def grown_lab(stack, tmp_path_factory):
    """A grown installation to copy: growing takes many seconds. Leave it as it is."""
    return Installation(stack, tmp_path_factory.mktemp("grown"), migrated=True).grow()


@pytest.fixture(scope="session")
def grown_sqlite(stack, grown_lab, tmp_path_factory):
    """The same on SQLite, whatever the stack."""
    if stack == "sqlite":
        return grown_lab
    return Installation("sqlite", tmp_path_factory.mktemp("grown"), migrated=True).grow()


@pytest.fixture(scope="module")
def swept(django_db_setup, django_db_blocker):
    """Rows that the file's tests took back are gone from PostgreSQL's files, which the tests after them read."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("VACUUM")


def state():
    """Every user, role and session, with all columns and grants."""
    rows = {model: list(model.objects.order_by("pk").values_list()) for model in (User, Role, Session)}
    rows["roles of users"] = list(RoleGrant.objects.order_by("pk").values_list())
    rows["permissions of roles"] = list(Role.permissions.through.objects.order_by("pk").values_list())
    return rows


@pytest.fixture
def unchanged(cast, super_admin, viewer):
    """Fail the test if it changes a user, a role or a session, other than by `super_admin` and `viewer` signing in."""
    assert super_admin.token != viewer.token
    before = state()
    yield
    assert state() == before
