"""Fixtures of the tests of single sign-on."""

from accounts.tests.conftest import expect_row, make_role, origin

__all__ = ["expect_row", "make_role", "origin"]
