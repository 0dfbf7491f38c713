"""What to do while Redis is out of reach: leave it alone for a while, and work without it."""

import logging
import time

logger = logging.getLogger(__name__)


class CircuitBreaker:
    """Remembers that a part failed, so that not every request waits for its time-out.

    It lasts `seconds` after the last failure that was reported.
    """

    def __init__(self, part: str, seconds: float) -> None:
        self._part = part
        self._seconds = seconds
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether to do without the part."""
        return time.monotonic() < self._until

    def trip(self, error: Exception) -> None:
        """Note a failure."""
        if not self.is_open:
            logger.warning("%s is out of reach, doing without for %g s: %s", self._part, self._seconds, error)
        self._until = time.monotonic() + self._seconds

    def reset(self) -> None:
        """Try the part again at once."""
        self._until = 0.0
