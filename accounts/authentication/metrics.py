"""Prometheus counters of sign-ins by outcome, never by name or address."""

from enum import StrEnum

from prometheus_client import Counter


class Outcome(StrEnum):
    SUCCESS = "success"
    REFUSED = "refused"
    #: The password was correct, the second factor is still to come.
    SECOND_STEP = "second_step"
    #: Not checked: too many attempts, or too many sign-ins at once.
    THROTTLED = "throttled"


LOGINS = Counter("reprotech_logins_total", "Attempts to sign in, by outcome.", ["outcome"])
LOCKOUTS = Counter("reprotech_lockouts_total", "Names that were locked out of an address for a while.")
for outcome in Outcome:
    LOGINS.labels(outcome)  # present from the start: an alert would miss the first


def count_login(outcome: Outcome) -> None:
    LOGINS.labels(outcome).inc()
