"""Fixtures of the services' tests: someone acts from a known place, and the audit row must tell of it."""

import pytest

from accounts.authorization import SYSTEM
from accounts.models import Permission, Role
from accounts.tests.admin_desk import Desk
from audit.context import RequestOrigin, request_origin
from reprotech.testing import make_user

ORIGIN = RequestOrigin(
    ip_address="198.51.100.7", user_agent="lab-browser/3", request_id="request-0001", method="POST", path="/somewhere"
)


@pytest.fixture
def origin():
    """Services called by the test are called from there."""
    with request_origin(ORIGIN):
        yield ORIGIN


@pytest.fixture
def make_role(db):
    """Make a custom role that holds these permissions, without a trace in the log."""

    def make(name, *permissions):
        role = Role.objects.create(name=name, slug=name.lower().replace(" ", "_"))
        role.permissions.set(Permission.objects.filter(name__in=permissions))
        assert len(role.permission_names) == len(permissions)
        return role

    return make


@pytest.fixture
def clerk(cast, make_role):
    """Someone who may do everything to users and roles, but holds nothing beyond that."""
    make_role(
        "Clerk",
        *("user_create", "user_read", "user_update", "user_delete"),
        *("role_create", "role_read", "role_update", "role_delete"),
    )
    return make_user("the-clerk", "Clerk")


@pytest.fixture
def desk(cast):
    """The Super Administrator in front of Django admin."""
    return Desk(cast.super_admin)


@pytest.fixture
def expect_row(origin):
    """Assert everything that an audit row of a service must say."""

    def expect(row, actor, action, target=None, *, resource="user", success=True, **details):
        assert (row.username, row.user_id) == (actor.username, actor.pk)
        assert (row.action, row.resource, row.success) == (action, resource, success)
        assert (row.resource_id, row.resource_name) == ((str(target.pk), str(target)) if target else ("", ""))
        assert (row.ip_address, row.user_agent) == (origin.ip_address, origin.user_agent)
        assert row.request_id == origin.request_id
        assert row.details == details

    return expect


@pytest.fixture
def system():
    """The installation itself."""
    return SYSTEM
