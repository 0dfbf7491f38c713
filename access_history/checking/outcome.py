"""The check of each night, and what it leaves behind."""

from django.db import transaction
from django.utils import timezone

from access_history.checking.comparison import Outcome, compare
from access_history.models import HistoryState
from access_history.projection.progress import lock_history, read_state

#: The first sentences say where to look, and `manage.py rebuild_access_history --check` counts all.
MAX_SENTENCES = 20


def record_check() -> Outcome:
    """Compare, and note the outcome for pages and `check_config`."""
    outcome = compare()
    with transaction.atomic():
        lock_history()
        state = read_state()
        state.checked_at = timezone.now()
        state.difference_count = len(outcome.sentences)
        state.differences = outcome.sentences[:MAX_SENTENCES]
        state.save()
    return outcome


def problem() -> str:
    """A sentence about differences that the last check found; empty without any."""
    state = HistoryState.objects.filter(difference_count__gt=0).first()
    if state is None:
        return ""
    return (
        f"The access history differs in {state.difference_count} places from the audit log or the present accounts: "
        "manage.py rebuild_access_history --check names them."
    )
