"""Fixtures for all tests. The servers are started by `reprotech.testing.plugin`, before settings are read."""

import time

import pytest
from django.db import connection
from django.test.signals import setting_changed

from reprotech.core.process_cache import process_cache
from reprotech.core.request_context import RequestOrigin, request_origin
from reprotech.testing.cast import Cast, find_cast, make_cast
from reprotech.testing.client import Caller
from reprotech.testing.plugin import migrated_database
from reprotech.testing.snapshot import SavedRows

# Outside of tests, keys don't change while a process runs.
setting_changed.connect(lambda **_: process_cache.clear(), weak=False)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, stack):
    """Before there is a test database: what has used the pool until then has it connected to another database."""
    if connection.vendor == "postgresql":
        connection.close_pool()
    name = connection.creation._get_test_db_name()
    migrated_database(stack, name, name)


@pytest.fixture(scope="session")
def django_db_keepdb():
    """The one that was just made is taken; it ends with the server or the directory."""
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The test database, with the cast in it from the beginning: making it takes longer than most tests."""
    with django_db_blocker.unblock():
        make_cast()


@pytest.fixture(autouse=True)
def sound_connection():
    """A connection to the database that broke in one test fails no other."""
    yield
    if connection.connection is not None and getattr(connection.connection, "closed", False):
        connection.close()


@pytest.fixture(autouse=True)
def no_request():
    """No test knows the session or key of a request that the test before it was about."""
    with request_origin(RequestOrigin()):
        yield


@pytest.fixture(scope="session")
def saved_cast() -> SavedRows:
    """What `make_cast` writes into empty tables."""
    return SavedRows(make_cast)


@pytest.fixture
def cast(db, saved_cast) -> Cast:
    """One user of each role, and one without any; there again after a test that emptied the tables."""
    found = find_cast()
    if found is None:
        saved_cast.bring_back()
        found = find_cast()
        assert found is not None
    return found


@pytest.fixture
def anonymous() -> Caller:
    """A caller without a token."""
    return Caller()


@pytest.fixture
def super_admin(cast) -> Caller:
    """The Super Administrator, with a token."""
    return Caller(cast.super_admin)


@pytest.fixture
def admin(cast) -> Caller:
    """The Administrator, with a token."""
    return Caller(cast.admin)


@pytest.fixture
def viewer(cast) -> Caller:
    """The Viewer, with a token."""
    return Caller(cast.viewer)


@pytest.fixture
def one_day():
    """The test is over before the day is, as the database and the pages count days."""
    left = 86_400 - time.time() % 86_400
    if left < 60:
        time.sleep(left + 1)
