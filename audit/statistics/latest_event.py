"""The newest event's id, by which open pages know that nothing has happened.

They all poll: a process asks the database once a second at most, and sees at once what it records itself.
"""

import time

from django.db import transaction

from audit.models import AuditLog

#: How long an answer holds.
CACHE_SECONDS = 1.0

_known_until = 0.0
_known = 0


def latest_event_id() -> int:
    """The id of the newest event, at most a second old; 0 without any."""
    global _known, _known_until  # noqa: PLW0603 (one for each process)
    asked = time.monotonic()
    if asked >= _known_until:
        _known = AuditLog.objects.newest_first().values_list("pk", flat=True).first() or 0
        _known_until = asked + CACHE_SECONDS
    return _known


def invalidate() -> None:
    # Again after the commit: a reader in between cached the id from before it.
    reset()
    transaction.on_commit(reset)


def reset() -> None:
    global _known_until  # noqa: PLW0603 (as above)
    _known_until = 0.0
