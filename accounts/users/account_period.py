"""From when until when an account can be used: what a change of that needs, and what is on record of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.access.authorization import (
    OPEN_END,
    authorize_closing,
    authorize_over,
    authorize_until,
    reach_of,
    require_remaining_super_administrator,
    role_granting,
)
from accounts.core.period_notices import INVITES_BEFORE, next_notice
from accounts.models import User
from accounts.periods.grants import iso_time
from accounts.periods.validation import check_period
from audit.services import Changes
from reprotech.core.actors import Actor
from reprotech.core.exceptions import ValidationFailed

PERIOD_FIELDS = frozenset({"starts_at", "ends_at"})


def set_period(user: User, starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Not saved yet. Only a file brings an account that is over."""
    now = timezone.now()
    user.starts_at, user.ends_at = starts_at, ends_at
    user.period_state = "pending" if starts_at is not None and starts_at > now else ""
    if ends_at is not None and ends_at <= now:
        user.period_state = "ended"
    user.end_notice_at = next_notice(starts_at, ends_at, after=now)


def authorize_period(actor: Actor, user: User, changes: Mapping[str, tuple[Any, Any]]) -> None:
    """Raise a DomainError unless `actor` may change the period of an account that they may change.

    A longer period gives what the account holds for longer, so the actor must hold it as long.
    """
    starts_at, ends_at = (changes.get(name, (None, getattr(user, name)))[1] for name in ("starts_at", "ends_at"))
    _refuse_no_times(starts_at, ends_at)
    check_period(starts_at, ends_at)
    is_longer = (ends_at or OPEN_END) > (user.ends_at or OPEN_END) or user.has_ended
    begins_earlier = user.starts_at is not None and (starts_at is None or starts_at < user.starts_at)
    if is_longer or begins_earlier:
        granting = role_granting()
        for grant in user.grants_now_or_later:
            end = min(grant.ends_at or OPEN_END, ends_at or OPEN_END)
            authorize_until(actor, reach_of(grant.role, granting), None if end == OPEN_END else end, user)
    begins_later = starts_at is not None and starts_at > timezone.now()
    if (ends_at is not None or begins_later) and user.can_sign_in and user.is_super_administrator:
        require_remaining_super_administrator(without=[user.pk])


def authorize_field_changes(actor: Actor, user: User, changes: Changes) -> None:
    """Raise Forbidden unless `actor` may make these changes of an account, with the permission for that.

    To deactivate it, or to let it end earlier, takes less than the rest: see `authorize_closing`.
    """
    if changes and all(_closes(user, name, new) for name, (_, new) in changes.items()):
        authorize_closing(actor, user)
    else:
        authorize_over(actor, user)


def _closes(user: User, name: str, new: object) -> bool:
    if name == "is_active":
        return new is False
    # What has ended would be open again until then.
    is_open = name == "ends_at" and not user.has_ended
    return is_open and isinstance(new, datetime) and new < (user.ends_at or OPEN_END)


def invitation_is_due(user: User) -> bool:
    """Whether the account's time for an invitation has come: the day before it begins."""
    return user.starts_at is None or user.starts_at - timezone.now() <= INVITES_BEFORE


def awaits_invitation(user: User) -> bool:
    return user.is_invited and user.invited_at is None and user.may_choose_password and invitation_is_due(user)


def period_change(before: str, after: str) -> Changes:
    """What events say of `User.period_state`; nothing if it stays."""
    return {"period_state": (before or "active", after or "active")} if before != after else {}


def changes_on_record(changes: Changes) -> Changes:
    """The changes as events say them: times as the API has them."""
    return {name: (_iso_if_time(old), _iso_if_time(new)) for name, (old, new) in changes.items()}


def _iso_if_time(value: object) -> object:
    return iso_time(value) if isinstance(value, datetime) else value


def _refuse_no_times(*moments: object) -> None:
    if any(moment is not None and not isinstance(moment, datetime) for moment in moments):
        raise ValidationFailed({"ends_at": ["Give a date and a time."]})
