"""Sign-ins by how they ended, for monitoring. Counted once the outcome stands, never by name or address."""

from enum import StrEnum

from prometheus_client import Counter


class Outcome(StrEnum):
    """How an attempt to sign in ended."""

    SUCCESS = "success"
    REFUSED = "refused"
    #: The password was right and the second factor is still to come.
    SECOND_STEP = "second_step"
    #: Not even looked at, after too many guesses, or while too many signed in at once.
    THROTTLED = "throttled"


LOGINS = Counter("reprotech_logins_total", "Attempts to sign in, by outcome.", ["outcome"])
LOCKOUTS = Counter("reprotech_lockouts_total", "Names that were locked out of an address for a while.")
for outcome in Outcome:
    LOGINS.labels(outcome)  # present from the start, or an alert would miss the first


def count_login(outcome: Outcome) -> None:
    """Count an attempt."""
    LOGINS.labels(outcome).inc()
