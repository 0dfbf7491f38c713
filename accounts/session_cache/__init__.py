"""Live sessions in a cache that all processes share, with exact invalidation.

docs/adr/0003-session-cache.md has the protocol, its races, and what it costs to do without.
"""

from accounts.session_cache.invalidation import invalidate_owners, invalidate_roles, invalidate_users
from accounts.session_cache.local import reset
from accounts.session_cache.lookup import CacheResult, catch_up, fetch, store

__all__ = [
    "CacheResult",
    "catch_up",
    "fetch",
    "invalidate_owners",
    "invalidate_roles",
    "invalidate_users",
    "reset",
    "store",
]
