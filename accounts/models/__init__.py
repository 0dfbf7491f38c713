"""Users, roles, permissions and sessions: fields, and questions about one object."""

from accounts.models.counts import UserCount, UserDay, UserMove, UserSignpost
from accounts.models.factors import Passkey, RecoveryCode, SpentOnce, TotpKey
from accounts.models.keys import ApiKey
from accounts.models.mails import OutgoingMail
from accounts.models.requests import EmailChange, ResetRequest
from accounts.models.roles import Permission, Role
from accounts.models.sessions import Session
from accounts.models.usernames import FormerUsername, UsernameKey
from accounts.models.users import EXISTING, PasswordHistory, User, searchable

__all__ = [
    "EXISTING",
    "ApiKey",
    "EmailChange",
    "FormerUsername",
    "OutgoingMail",
    "Passkey",
    "PasswordHistory",
    "Permission",
    "RecoveryCode",
    "ResetRequest",
    "Role",
    "Session",
    "SpentOnce",
    "TotpKey",
    "User",
    "UserCount",
    "UserDay",
    "UserMove",
    "UserSignpost",
    "UsernameKey",
    "searchable",
]
