"""Live sessions in a cache that all processes share, with exact invalidation.

docs/adr/0003-session-cache.md has the protocol, its races, and what it costs to do without.
"""

from accounts.session_cache.change_listeners import announce_change, on_access_change
from accounts.session_cache.invalidation import invalidate_owners, invalidate_roles, invalidate_users
from accounts.session_cache.local import reset
from accounts.session_cache.lookup import CacheResult, catch_up, fetch, store

__all__ = [
    "CacheResult",
    "announce_change",
    "catch_up",
    "fetch",
    "invalidate_owners",
    "invalidate_roles",
    "invalidate_users",
    "on_access_change",
    "reset",
    "store",
]
