"""Mails that an account or a role ends soon, to the person and to who set that end: once each.

The row itself says when its next mail is due: services set that with the end, so an end that moves is announced by its
new date. After a time without a server only the nearest mail is sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.access.user_events import record_user
from accounts.core.period_notices import described_end, next_notice
from accounts.models import RoleGrant, User
from accounts.notifications.services import send_notice
from accounts.periods.grants import iso_time
from audit.models import Action, AuditLog
from audit.tracking.model_tracking import explicitly_recorded

#: The letters to the person, and to who set the end.
OWN, OTHERS = "access_ends", "access_ends_of_other"


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends: a role or, without one, the account; who set that end, and where it can be extended."""

    ends_at: datetime
    page: str
    set_by: User | None
    role: str = ""


def send_end_notices() -> int:
    """Queue the mails that are due; returns how many ends they announce. Several processes may do this at once."""
    return sum(_announce_ends_of(user_id) for user_id in sorted(_users_with_notice()))


def _users_with_notice() -> set[int]:
    due = {"end_notice_at__lte": timezone.now()}
    return {
        *RoleGrant.objects.order_by().filter(**due).values_list("user", flat=True),
        *User.objects.order_by().filter(**due).values_list("pk", flat=True),
    }


@transaction.atomic
@explicitly_recorded()
def _announce_ends_of(user_id: int) -> int:
    skip_locked = connection.features.has_select_for_update_skip_locked
    users = User.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    user: User | None = users.filter(pk=user_id).first()
    if user is None:  # another process has them
        return 0
    # Read under the lock: what another process has just announced isn't due any more.
    endings = [*_due_ends_of_roles(user), *_due_end_of_account(user)]
    if user.deleted_at is not None or user.has_ended:
        return 0
    for ending in endings:
        _announce(user, ending)
    return len(endings)


def _due_ends_of_roles(user: User) -> list[Ending]:
    now, due = timezone.now(), []
    grants = RoleGrant.objects.filter(user=user, end_notice_at__lte=now)
    for grant in grants.select_related("role", "granted_by"):
        after = next_notice(grant.starts_at, grant.ends_at, after=now)
        RoleGrant.objects.filter(pk=grant.pk).update(end_notice_at=after)
        if grant.ends_at is not None and grant.ends_at > now:
            page = reverse("change_period", args=[user.pk, grant.pk])
            due.append(Ending(grant.ends_at, page, grant.granted_by, grant.role.name))
    return due


def _due_end_of_account(user: User) -> list[Ending]:
    now = timezone.now()
    if user.end_notice_at is None or user.end_notice_at > now:
        return []
    after = next_notice(user.starts_at, user.ends_at, after=now)
    User.objects.filter(pk=user.pk).update(end_notice_at=after)
    if user.ends_at is None or user.ends_at <= now:
        return []
    return [Ending(user.ends_at, reverse("edit_user", args=[user.pk]), _who_set_end_of(user))]


def _who_set_end_of(user: User) -> User | None:
    """As the log has it."""
    events = AuditLog.objects.filter(resource="user", resource_id=str(user.pk), success=True)
    event = events.filter(details__changes__has_key="ends_at").newest_first().first()
    return User.objects.filter(pk=event.user_id).first() if event and event.user_id else None


def _announce(user: User, ending: Ending) -> None:
    by = ending.set_by
    asked = by if by and by.pk != user.pk and by.can_sign_in else None
    about = {"role": ending.role, "ends": described_end(ending.ends_at)}
    if user.can_sign_in:
        send_notice(user, OWN, by=asked.full_name if asked else "", **about)
        _record(user, ending, OWN, user)
    if asked:
        page = f"{settings.PUBLIC_URL}{ending.page}"
        send_notice(asked, OTHERS, person=user.full_name, username=user.username, page=page, **about)
        _record(user, ending, OTHERS, asked)


def _record(user: User, ending: Ending, letter: str, mailed: User) -> None:
    details: dict[str, Any] = {"mail": letter, "owner_id": mailed.pk, "ends_at": iso_time(ending.ends_at)}
    if ending.role:
        details["roles"] = [ending.role]
    record_user(SYSTEM, Action.UPDATE, user, **details)
