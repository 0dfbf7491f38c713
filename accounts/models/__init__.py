"""Users, roles, permissions and sessions: fields, and questions about one object."""

from accounts.models.roles import Permission, Role
from accounts.models.sessions import Session
from accounts.models.users import EXISTING, PasswordHistory, User, searchable

__all__ = [
    "EXISTING",
    "PasswordHistory",
    "Permission",
    "Role",
    "Session",
    "User",
    "searchable",
]
