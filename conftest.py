"""Fixtures for all tests. The servers are started by `reprotech.pytest_stack`, before settings are read."""

import pytest

from reprotech.testing import Caller, Cast, make_cast


@pytest.fixture
def cast(db) -> Cast:
    """One user of each role, and one without any."""
    return make_cast()


@pytest.fixture
def anonymous() -> Caller:
    """Somebody without a token."""
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
