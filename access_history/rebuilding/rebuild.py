"""Rebuilds the history from the log, and puts on record what the log never said."""

from django.db import transaction

from access_history.archiving.kept_periods import is_kept_unchanged, last_archived_event
from access_history.archiving.states import archived_roles, archived_users
from access_history.checking.comparison import Outcome
from access_history.models import (
    AccountDay,
    AccountPeriod,
    ArchivedState,
    GrantPeriod,
    HistoryState,
    RolePeriod,
    RolePermissionPeriod,
)
from access_history.projection.batches import spans_of_user
from access_history.projection.catch_up import catch_up
from access_history.projection.days import counted_days
from access_history.projection.progress import Progress, lock_history
from access_history.projection.rows import store
from access_history.replay import Span
from accounts.access.authorization import SYSTEM, service
from accounts.models import Role, User
from accounts.periods.recorded_states import states_of_roles, states_of_users
from audit.models import Action
from audit.services import Changes, record
from reprotech.core.exceptions import Conflict

AS_FOUND = "as found"
BATCH_SIZE = 500
NAMES = ("username", "first_name", "last_name")


class KeptPeriodsChanged(Conflict):
    """What was kept of archived events was changed since."""


def rebuild() -> Progress:
    """Throw the tables away and replay the log; raises KeptPeriodsChanged.

    Readers see the history grow meanwhile, and it says how far it has come. What is interrupted, the audit worker or
    the next reader finishes.
    """
    with transaction.atomic():
        lock_history()
        _begin_again(last_archived_event())
    return catch_up(None)


def _begin_again(after: int) -> None:
    if not after:
        # Nothing was archived: a stranger made them.
        ArchivedState.objects.all().delete()
    if not is_kept_unchanged():
        raise KeptPeriodsChanged(
            "What was kept of archived events isn't what the event of the archive says. Restore a backup, or find out "
            "who changed the tables of the access history. Nothing was rebuilt."
        )
    for model in (AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod):
        # What had ended before the archive can't be replayed any more: it stays.
        model._default_manager.exclude(to_event__lte=after).delete()
    book = archived_roles()
    spans: list[Span] = [span for role in book.live.values() for span in (role.name, *role.permissions.values())]
    store(spans)
    ids = list(ArchivedState.objects.filter(kind="user").order_by("subject_id").values_list("subject_id", flat=True))
    for start in range(0, len(ids), BATCH_SIZE):
        users = archived_users(ids[start : start + BATCH_SIZE])
        store([span for user in users for span in spans_of_user(user)])
    _count_days()
    begins_at = HistoryState.objects.values_list("begins_at", flat=True).first() if after else None
    HistoryState.objects.update_or_create(
        pk=HistoryState.ONLY_ID,
        defaults={
            "last_event": after,
            "last_at": None,
            "begins_at": begins_at,
            "contradiction_count": 0,
            "contradictions": [],
        },
    )


def _count_days() -> None:
    AccountDay.objects.all().delete()
    days = [AccountDay(day=day, begun=begun, ended=ended) for day, (begun, ended) in counted_days().items()]
    AccountDay.objects.bulk_create(days, batch_size=BATCH_SIZE)


def record_differences(outcome: Outcome) -> int:
    """Put on record what accounts and roles are like now where the log doesn't say it; returns how many."""
    for role_id in outcome.role_ids:
        _record_role(actor=SYSTEM, role_id=role_id)
    for user_id in outcome.user_ids:
        _record_user(actor=SYSTEM, user_id=user_id)
    return len(outcome.role_ids) + len(outcome.user_ids)


@service
def _record_role(*, actor: object, role_id: int) -> None:  # noqa: ARG001 (as every service)
    role = Role.objects.select_for_update(no_key=True).filter(pk=role_id).first()
    _record("role", role_id, role.name if role else "", states_of_roles([role_id])[str(role_id)])


@service
def _record_user(*, actor: object, user_id: int) -> None:  # noqa: ARG001
    user = User.objects.existing().select_for_update(no_key=True).filter(pk=user_id).first()
    period = AccountPeriod.objects.live().filter(user_id=user_id).first()
    changes: Changes = {}
    if user is not None:
        changes = {
            name: (getattr(period, name, None), getattr(user, name))
            for name in NAMES
            if getattr(period, name, None) != getattr(user, name)
        }
    state = states_of_users([user_id])[str(user_id)]
    _record("user", user_id, user.username if user else "", state, changes)


def _record(resource: str, key: int, name: str, state: object, changes: Changes | None = None) -> None:
    record(
        actor=SYSTEM,
        action=Action.UPDATE,
        resource=resource,
        resource_id=key,
        resource_name=name,
        changes=changes or None,
        reason=AS_FOUND,
        state=state,
    )
