"""Versions of records, for optimistic locking."""

from datetime import datetime


class Versioned:
    """A record whose every change moves `updated_at`."""

    updated_at: datetime

    @property
    def version(self) -> str:
        """Identifies this state of the record: the time of its last change, to the microsecond."""
        return self.updated_at.isoformat(timespec="microseconds")
