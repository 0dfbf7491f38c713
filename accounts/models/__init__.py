"""Users, roles, permissions and sessions: fields, and questions about one object."""

from accounts.models.api_keys import ApiKey
from accounts.models.counters import UserCount, UserDay, UserMove, UserSignpost
from accounts.models.earlier_records import FormerUsername, ImportedPerson, UsernameKey
from accounts.models.exclusions import Exclusion, ExclusionException
from accounts.models.mail import EmailChange, OutgoingMail, ResetRequest
from accounts.models.mfa import Passkey, RecoveryCode, SpentOnce, TotpKey
from accounts.models.preferences import Preferences
from accounts.models.role_grants import RoleGrant
from accounts.models.roles import Permission, Role
from accounts.models.sessions import Session
from accounts.models.user_states import EXISTING
from accounts.models.users import PasswordHistory, User, build_search_text

__all__ = [
    "EXISTING",
    "ApiKey",
    "EmailChange",
    "Exclusion",
    "ExclusionException",
    "FormerUsername",
    "ImportedPerson",
    "OutgoingMail",
    "Passkey",
    "PasswordHistory",
    "Permission",
    "Preferences",
    "RecoveryCode",
    "ResetRequest",
    "Role",
    "RoleGrant",
    "Session",
    "SpentOnce",
    "TotpKey",
    "User",
    "UserCount",
    "UserDay",
    "UserMove",
    "UserSignpost",
    "UsernameKey",
    "build_search_text",
]
