import pytest

from sso.tests.support.logout_receiver import LogoutReceiver


@pytest.fixture
def receiver():
    """A program's logout address."""
    found = LogoutReceiver()
    yield found
    found.stop()


@pytest.fixture
def make_receiver():
    """Several of them."""
    made = []

    def make():
        made.append(LogoutReceiver())
        return made[-1]

    yield make
    for found in made:
        found.stop()
