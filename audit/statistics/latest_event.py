"""The newest event's id, by which open pages know that nothing has happened.

They all poll: a process asks the database once a second at most, and sees at once what it records itself.
"""

from django.db import transaction

from audit.models import AuditLog
from reprotech.core.process_cache import process_cache

#: How long an answer holds.
CACHE_SECONDS = 1.0
KEY = "latest event"


def latest_event_id() -> int:
    """The id of the newest event, at most a second old; 0 without any."""
    return int(process_cache.get_or_set(KEY, _read, CACHE_SECONDS) or 0)


def invalidate() -> None:
    # Again after the commit: a reader in between cached the id from before it.
    _forget()
    transaction.on_commit(_forget)


def _read() -> int:
    return AuditLog.objects.newest_first().values_list("pk", flat=True).first() or 0


def _forget() -> None:
    process_cache.delete(KEY)
