"""Records that two people may change at once."""

from datetime import datetime


class Versioned:
    """A record whose every change moves `updated_at`."""

    updated_at: datetime

    @property
    def version(self) -> str:
        """What tells this state of the record from every other: when it was changed last, to the microsecond."""
        return self.updated_at.isoformat(timespec="microseconds")
