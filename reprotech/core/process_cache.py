"""What a process keeps for itself, where asking Redis each time would cost more than it saves.

Entries are limited in number, and the least used go first. Each ends by its time (five minutes unless it says so) or
because its key or its content names the state that it is of. Nothing that takes a right away may wait for that: cached
sessions, which must, have a package of their own (`accounts.session_cache`).
"""

from django.core.cache.backends.locmem import LocMemCache

#: Of a few hundred bytes each; the longest, statements of lists, have some 8 KB.
MAX_ENTRIES = 4_000


class ProcessCache(LocMemCache):
    def validate_key(self, key: str) -> None:
        """Keys of any form: none leaves the process."""


process_cache = ProcessCache("process", {"OPTIONS": {"MAX_ENTRIES": MAX_ENTRIES}})
