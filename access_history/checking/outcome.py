"""The check of each night, and what it leaves behind for pages, the API and `check_config`."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from access_history.checking.comparison import Outcome, compare
from access_history.projection.progress import lock_history, read_state

#: The first sentences say where to look, and `manage.py rebuild_access_history --check` counts all.
MAX_SENTENCES = 20
NEVER, MATCHES, DIFFERS = "never", "matches", "differs"
COMMAND = "manage.py rebuild_access_history --check"


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When the history was last compared with the log and the present accounts, and what that found."""

    checked_at: datetime | None
    difference_count: int

    @property
    def result(self) -> str:
        if self.checked_at is None:
            return NEVER
        return DIFFERS if self.difference_count else MATCHES

    @property
    def problem(self) -> str:
        """A sentence about differences; empty without any."""
        if not self.difference_count:
            return ""
        places = "one place" if self.difference_count == 1 else f"{self.difference_count:,} places"
        return (
            f"The access history differs in {places} from the audit log or the present accounts: {COMMAND} names them."
        )

    @property
    def sentence(self) -> str:
        """What is known, whatever that is."""
        if self.checked_at is not None:
            found = self.problem or "The access history is what the audit log says."
            return f"{found} Compared on {self.checked_at:%-d %B %Y at %H:%M} UTC."
        if settings.AUDIT_VERIFY_HOURS:
            return "The access history was never compared with the audit log: the server does it within a day."
        return (
            "The access history was never compared with the audit log, since AUDIT_VERIFY_HOURS is 0: "
            f"{COMMAND} does it."
        )


def record_check() -> Outcome:
    """Compare, and note the outcome."""
    outcome = compare()
    note_outcome(outcome)
    return outcome


@transaction.atomic
def note_outcome(outcome: Outcome) -> None:
    lock_history()
    state = read_state()
    state.checked_at = timezone.now()
    state.difference_count = len(outcome.sentences)
    state.differences = outcome.sentences[:MAX_SENTENCES]
    state.save()


def last_check() -> LastCheck:
    state = read_state()
    return LastCheck(state.checked_at, state.difference_count)


def problem_of(difference_count: int) -> str:
    """A sentence about so many differences; empty without any."""
    return LastCheck(None, difference_count).problem
