"""Storing grants of roles: the rows alone. Services authorize and record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

from django.utils import timezone

from accounts.core.period_notices import next_notice
from accounts.models import Role, RoleGrant, User
from accounts.periods.validation import refuse_unlikely
from accounts.segregation.checks import checked_rights
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict
from reprotech.core.request_context import current_reason

GrantDetails = dict[str, str | None]


class Period(TypedDict):
    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A role to give, by name or slug, and for when; without a start from now on, without an end for good."""

    role: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    reason: str = ""
    #: As a record has it that was read and is sent back; nobody chooses them.
    granted_by: str | None = None
    granted_at: datetime | None = None

    @property
    def period(self) -> Period:
        return {"starts_at": self.starts_at, "ends_at": self.ends_at}


def later_start(starts_at: datetime | None) -> datetime | None:
    """The start if it lies ahead, else None: nobody gives a role for a time that is over. Raises ValidationFailed."""
    if starts_at is None:
        return None
    refuse_unlikely("starts_at", starts_at)
    return starts_at if starts_at > timezone.now() else None


def new_grant(
    actor: Actor,
    user: User,
    role: Role,
    *,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason: str = "",
) -> RoleGrant:
    """A grant that isn't stored yet; its reason is that of the request unless it has one of its own."""
    now, starts_at = timezone.now(), later_start(starts_at)
    return RoleGrant(
        user=user,
        role=role,
        starts_at=starts_at,
        ends_at=ends_at,
        granted_by_id=actor.pk,
        granted_at=now,
        reason=reason or current_reason().text,
        is_pending=starts_at is not None and starts_at > now,
        end_notice_at=next_notice(starts_at, ends_at, after=now),
    )


def refuse_overlap(grant: RoleGrant) -> None:
    """Raise Conflict if the user has another grant of the role for a part of the same time."""
    others = RoleGrant.objects.filter(user=grant.user_id, role=grant.role_id).exclude(pk=grant.pk)
    # One that ended a moment ago is in nobody's way: the worker is about to delete it.
    other = others.unended().overlapping(grant.starts_at, grant.ends_at).order_by("starts_at").first()
    if other is not None:
        period = described_period(other.starts_at, other.ends_at)
        raise Conflict(f"{grant.user} has the role {grant.role} {period} already. Change that period instead.")


def forget_roles(user: User) -> None:
    """What was read before the change."""
    for name in ("loaded_grants", "grants"):
        vars(user).pop(name, None)


def described_period(starts_at: datetime | None, ends_at: datetime | None) -> str:
    """For people, within a sentence."""
    start = f"from {starts_at:%Y-%m-%d %H:%M} UTC" if starts_at else ""
    end = f"until {ends_at:%Y-%m-%d %H:%M} UTC" if ends_at else ""
    return " ".join(part for part in (start, end) if part) or "without an end"


def grant_details(grants: Sequence[RoleGrant]) -> dict[str, Any]:
    """What an event says about grants with a start or an end; nothing about others."""
    bounded = [grant for grant in grants if grant.starts_at or grant.ends_at]
    return {"grants": [describe_grant(grant) for grant in bounded]} if bounded else {}


def describe_grant(grant: RoleGrant) -> GrantDetails:
    return {
        "role": grant.role.name,
        "starts_at": iso_time(grant.starts_at),
        "ends_at": iso_time(grant.ends_at),
    }


def iso_time(moment: datetime | None) -> str | None:
    """As the API and events write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def move_grants(actor: Actor, user: User, role: Role, other: Role) -> list[RoleGrant]:
    """Give the user `other` for the times at which they have `role`, and take that; returns the grants of `other`.

    Where they have both, the periods become one. Raises Segregation for what an exclusion refuses.
    """
    with checked_rights(actor, [user]):
        _move(actor, user, role, other)
    forget_roles(user)
    return list(RoleGrant.objects.filter(user=user, role=other).select_related("role"))


def _move(actor: Actor, user: User, role: Role, other: Role) -> None:
    present = RoleGrant.objects.filter(user=user, role=role)
    before = list(present)
    present.delete()
    for gone in before:
        merged = new_grant(actor, user, other, starts_at=gone.starts_at, ends_at=gone.ends_at, reason=gone.reason)
        held = RoleGrant.objects.filter(user=user, role=other)
        while touching := list(held.unended().overlapping(merged.starts_at, merged.ends_at)):
            merged.starts_at = _earliest([merged, *touching])
            merged.ends_at = _latest([merged, *touching])
            held.filter(pk__in=[grant.pk for grant in touching]).delete()
        now = timezone.now()
        merged.is_pending = merged.starts_at is not None and merged.starts_at > now
        merged.end_notice_at = next_notice(merged.starts_at, merged.ends_at, after=now)
        merged.save(force_insert=True)


def _earliest(grants: Sequence[RoleGrant]) -> datetime | None:
    starts = [grant.starts_at for grant in grants if grant.starts_at is not None]
    return min(starts) if len(starts) == len(grants) else None


def _latest(grants: Sequence[RoleGrant]) -> datetime | None:
    ends = [grant.ends_at for grant in grants if grant.ends_at is not None]
    return max(ends) if len(ends) == len(grants) else None
