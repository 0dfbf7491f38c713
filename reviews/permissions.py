"""The names of the permissions that access reviews check; `accounts.core.catalogue` lists all that exist."""

from accounts.permissions import (
    ROLE_DELETE,
    ROLE_READ,
    ROLE_UPDATE,
    SETTINGS_READ,
    SETTINGS_UPDATE,
    USER_READ,
    USER_UPDATE,
)
from audit.permissions import AUDIT_EXPORT

__all__ = [
    "AUDIT_EXPORT",
    "ROLE_DELETE",
    "ROLE_READ",
    "ROLE_UPDATE",
    "SETTINGS_READ",
    "SETTINGS_UPDATE",
    "USER_READ",
    "USER_UPDATE",
]
