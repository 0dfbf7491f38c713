"""Replays events of the audit log, in the order of their ids: who could do what, from when until when.

Pure Python, without Django and the database, so that it can be compared with `scripts/verify-export`, which does the
same in its own words. `docs/access-history.md` has the rules.
"""

from access_history.replay.accounts import UserHistory
from access_history.replay.events import Event
from access_history.replay.replayer import Replayer
from access_history.replay.roles import RoleBook
from access_history.replay.spans import AccountSpan, GrantSpan, PermissionSpan, RoleSpan, Span

__all__ = [
    "AccountSpan",
    "Event",
    "GrantSpan",
    "PermissionSpan",
    "Replayer",
    "RoleBook",
    "RoleSpan",
    "Span",
    "UserHistory",
]
