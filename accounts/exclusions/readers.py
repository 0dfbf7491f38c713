"""Who may learn which people an exclusion is about."""

from accounts.access.authorization import Target
from accounts.models import User
from accounts.permissions import USER_READ
from audit.authorization import record_denial
from reprotech.core.exceptions import Forbidden


def require_reader_of_users(reader: User, target: Target) -> None:
    """Raise Forbidden, on record, unless the reader may read users: to read roles doesn't include it."""
    if not reader.has_perm(USER_READ):
        denial = Forbidden(USER_READ, target)
        record_denial(reader, denial)
        raise denial
