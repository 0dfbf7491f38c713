"""The newest event's id, by which open pages know that nothing has happened.

All of them ask again and again: a process asks the database once a second at most, and sees at once what it records
itself.
"""

import time

from django.db import transaction

from audit.models import AuditLog

#: How long an answer holds.
CACHE_SECONDS = 1.0

_known_until = 0.0
_known = 0


def latest_event_id() -> int:
    """The id of the newest event, as of a second ago or later; 0 without any."""
    global _known, _known_until  # noqa: PLW0603 (one for each process)
    asked = time.monotonic()
    if asked >= _known_until:
        _known = AuditLog.objects.newest_first().values_list("pk", flat=True).first() or 0
        _known_until = asked + CACHE_SECONDS
    return _known


def invalidate() -> None:
    """Ask anew now, and once more when it is there for others: who asked in between was told that it isn't."""
    reset()
    transaction.on_commit(reset)


def reset() -> None:
    """Ask anew."""
    global _known_until  # noqa: PLW0603 (as above)
    _known_until = 0.0
