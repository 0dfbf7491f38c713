"""The names of the permissions that requests check; `accounts.core.catalogue` lists all that exist."""

from accounts.permissions import ROLE_READ, USER_READ, USER_UPDATE

__all__ = ["ROLE_READ", "USER_READ", "USER_UPDATE"]
