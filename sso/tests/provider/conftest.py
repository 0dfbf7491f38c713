"""The provider's tests: a person's browser, and keys that aren't made for each test again."""

from functools import cache

import pytest

from reprotech.testing.client import page_client
from sso.keys import signatures
from sso.tests.support.program import make_program

new_key = cache(signatures.new_key)


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch):
    monkeypatch.setattr(signatures, "new_key", new_key)


@pytest.fixture
def program(cast):
    return make_program()


@pytest.fixture
def browser(cast):
    """In which the researcher is signed in."""
    return page_client(cast.researcher)
