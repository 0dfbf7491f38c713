"""The projection's tables. Nothing but `access_history.projection` writes them, and they can be rebuilt at will."""

from access_history.models.periods import AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod
from access_history.models.progress import AccountDay, ArchivedState, HistoryState

__all__ = [
    "AccountDay",
    "AccountPeriod",
    "ArchivedState",
    "GrantPeriod",
    "HistoryState",
    "RolePeriod",
    "RolePermissionPeriod",
]
