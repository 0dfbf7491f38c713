"""Work without a service that is out of reach, such as Redis, instead of waiting for it."""

import logging
import time

logger = logging.getLogger(__name__)


class CircuitBreaker:
    """Open for `seconds` after the last failure, so that not every request waits for the service's time-out."""

    def __init__(self, service: str, seconds: float) -> None:
        self._service = service
        self._seconds = seconds
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._until

    def trip(self, error: Exception) -> None:
        if not self.is_open:
            logger.warning("%s is out of reach, doing without for %g s: %s", self._service, self._seconds, error)
        self._until = time.monotonic() + self._seconds

    def reset(self) -> None:
        self._until = 0.0
