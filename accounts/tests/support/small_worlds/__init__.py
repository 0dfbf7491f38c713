"""Worlds of a few people and roles, all that one person can do in them, and what must hold whatever they did."""

from accounts.tests.support.small_worlds.search import Search
from accounts.tests.support.small_worlds.states import FURTHER, LAB, ROLE_RIGHTS, SOON, USER_RIGHTS, World

__all__ = ["FURTHER", "LAB", "ROLE_RIGHTS", "SOON", "USER_RIGHTS", "Search", "World"]
