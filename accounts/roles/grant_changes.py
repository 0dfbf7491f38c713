"""Changing which roles a user has and for how long: the checks, the rows and the events of every such change."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.access.authorization import (
    LONG_AGO,
    OPEN_END,
    authorize_role_change,
    require_remaining_super_administrator,
)
from accounts.access.user_events import record_user
from accounts.core.period_notices import next_notice
from accounts.models import Role, RoleGrant, User
from accounts.periods.grants import (
    GrantDetails,
    NewGrant,
    describe_grant,
    forget_roles,
    grant_details,
    later_start,
    new_grant,
    refuse_overlap,
)
from accounts.periods.validation import check_period
from accounts.roles.assignments import find_roles, mark_roles_changed, record_role_changes
from accounts.segregation.checks import checked_rights, exclusion_details
from audit.models import Action
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication
from reprotech.core.request_context import current_reason


@dataclass(slots=True)
class GrantChanges:
    """What becomes of a user's grants; the rows as they shall be."""

    added: list[RoleGrant] = field(default_factory=list)
    removed: list[RoleGrant] = field(default_factory=list)
    #: With what events say of them as they were.
    changed: list[tuple[RoleGrant, GrantDetails]] = field(default_factory=list)
    #: What else the events of what is given say, such as the request that it answers.
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def given(self) -> list[RoleGrant]:
        """Those that are new, or have another period."""
        return [*self.added, *(grant for grant, _ in self.changed)]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def apply_grant_changes(actor: Actor, user: User, changes: GrantChanges) -> None:
    """Check, store and record changes of a locked user's grants, as part of a service that authorized the rest.

    Raises Forbidden, OwnGrantEndsEarlier, ValidationFailed, Segregation for what an exclusion refuses, or Conflict for
    overlapping grants of a role and for an end of the last Super Administrator.
    """
    if not changes:
        return
    authorize_grant_changes(actor, user, changes)
    check_periods(actor, changes.given, removed=changes.removed)
    before = list(user.roles.all())
    if user.can_sign_in and _ends_super_administrator(user, changes):
        require_remaining_super_administrator(without=[user.pk])
    # After all comparisons: to save a form with the same roles takes no password.
    require_recent_authentication()
    with checked_rights(actor, [user]) as warned:
        _store(user, changes)
    mark_roles_changed(user)
    _record(actor, user, before, changes, {**exclusion_details(warned.get(user.pk, [])), **changes.details})


def authorize_grant_changes(actor: Actor, user: User, changes: GrantChanges) -> None:
    """Raise Forbidden, OwnGrantEndsEarlier or Conflict unless `actor` may change these grants of the user."""
    if changes:
        authorize_role_change(actor, user, last_ends(changes.given), {grant.role for grant in changes.removed})


def last_ends(grants: Iterable[RoleGrant]) -> dict[Role, datetime]:
    """When the last of the grants of each role ends."""
    ends: dict[Role, datetime] = {}
    for grant in grants:
        # With the account it ends in any case.
        end = min(grant.ends_at or OPEN_END, grant.user.ends_at or OPEN_END)
        ends[grant.role] = max(ends.get(grant.role, LONG_AGO), end)
    return ends


def check_periods(actor: Actor, grants: Sequence[RoleGrant], removed: Sequence[RoleGrant] = ()) -> None:
    """Raise ValidationFailed for a period that can't be.

    With GRANT_MAX_DAYS, grants of a role by the same person count as one where they follow each other without a day
    between them: otherwise two would do what one may not.
    """
    for grant in grants:
        # Someone must hold that role for good, and commands are for what pages refuse.
        is_unlimited = grant.role.is_super_admin or isinstance(actor, System)
        max_days = 0 if is_unlimited else settings.GRANT_MAX_DAYS
        check_period(grant.starts_at, grant.ends_at, max_days=max_days)
        if max_days:
            try:
                check_period(*_joined_period(actor, grant, grants, removed), max_days=max_days)
            except ValidationFailed:
                sentence = f"Together with the grants of this role that it follows it lasts more than {max_days} days."
                advice = "Give it for less, after a day without the role, or ask someone else to give it."
                raise ValidationFailed({"ends_at": [f"{sentence} {advice}"]}) from None


def _joined_period(
    actor: Actor, grant: RoleGrant, given: Sequence[RoleGrant], removed: Sequence[RoleGrant]
) -> tuple[datetime | None, datetime | None]:
    """When the grant begins and ends together with those of the same role that the actor gave and that touch it."""
    others = [one for one in given if one.role_id == grant.role_id and one is not grant]
    if grant.user_id:
        stored = RoleGrant.objects.unended().filter(user=grant.user_id, role=grant.role_id, granted_by=actor.pk)
        others += stored.exclude(pk__in=[one.pk for one in (*given, *removed) if one.pk])
    start, end = grant.starts_at or LONG_AGO, grant.ends_at or OPEN_END
    while touching := [one for one in others if _touches(one, start, end)]:
        others = [one for one in others if one not in touching]
        start = min(start, *(one.starts_at or LONG_AGO for one in touching))
        end = max(end, *(one.ends_at or OPEN_END for one in touching))
    return (None if start == LONG_AGO else start), (None if end == OPEN_END else end)


def _touches(grant: RoleGrant, start: datetime, end: datetime) -> bool:
    gaps = ((grant.starts_at or LONG_AGO) - end, start - (grant.ends_at or OPEN_END))
    return max(gaps) < timedelta(days=1)


def role_changes(actor: Actor, user: User, roles: Collection[Role]) -> GrantChanges:
    """What makes these the roles that the user holds now: without an end, where they don't hold them yet.

    What begins later stays, except of roles that are taken.
    """
    before = list(user.roles.all())
    taken = [role for role in before if role not in roles]
    removed: list[RoleGrant] = []
    if taken and "loaded_grants" in vars(user):
        removed = [grant for grant in user.grants_now_or_later if grant.role in taken]
    elif taken:
        removed = list(RoleGrant.objects.filter(user=user, role__in=taken).select_related("role"))
    return GrantChanges([new_grant(actor, user, role) for role in roles if role not in before], removed)


def grant_changes(actor: Actor, user: User, wanted: Sequence[NewGrant]) -> GrantChanges:
    """What makes these the user's grants, now and later. A grant of the same role gets the new period."""
    roles = {name: find_roles([name])[0] for name in {grant.role for grant in wanted}}
    present = list(RoleGrant.objects.unended().filter(user=user).select_related("role", "granted_by"))
    _refuse_other_givers(wanted, roles, present)
    changes, left = GrantChanges(), []
    for grant in wanted:
        role, period = roles[grant.role], (later_start(grant.starts_at), grant.ends_at)
        same = next(
            (one for one in present if one.role == role and (later_start(one.starts_at), one.ends_at) == period), None
        )
        if same is None:
            left.append((grant, role))
        else:
            present.remove(same)
    for grant, role in left:
        other = next((one for one in present if one.role == role), None)
        if other is None:
            changes.added.append(new_grant(actor, user, role, **grant.period, reason=grant.reason))
        else:
            present.remove(other)
            changes.changed.append((other, describe_grant(other)))
            set_period(actor, other, grant.starts_at, grant.ends_at)
            other.reason = grant.reason or current_reason().text or other.reason
    changes.removed = present
    return changes


def _refuse_other_givers(wanted: Sequence[NewGrant], roles: Mapping[str, Role], present: Sequence[RoleGrant]) -> None:
    """Raise ValidationFailed where who gave a role, or when, isn't what a grant of that role has."""
    given = {(one.role_id, one.granted_at, one.granted_by and one.granted_by.username) for one in present}
    for grant in wanted:
        if not (grant.granted_by or grant.granted_at):
            continue
        if (roles[grant.role].pk, grant.granted_at, grant.granted_by) not in given:
            sentence = "granted_by and granted_at can't be changed: send them as they were read, or leave them out."
            raise ValidationFailed({"role_grants": [sentence]})


def set_period(actor: Actor, grant: RoleGrant, starts_at: datetime | None, ends_at: datetime | None) -> None:
    if starts_at != grant.starts_at:
        # What has begun keeps its start.
        has_begun = grant.starts_at is not None and grant.holds_now and later_start(starts_at) is None
        grant.starts_at = grant.starts_at if has_begun else later_start(starts_at)
    grant.ends_at, grant.granted_by_id = ends_at, actor.pk
    grant.is_pending = not grant.holds_now
    grant.end_notice_at = next_notice(starts_at, ends_at, after=timezone.now())


def refuse_repeated(wanted: Iterable[NewGrant]) -> None:
    """Raise ValidationFailed where grants of the same list overlap."""
    by_role: dict[str, list[NewGrant]] = {}
    for grant in wanted:
        by_role.setdefault(find_roles([grant.role])[0].slug, []).append(grant)
    for grants in by_role.values():
        ordered = sorted(grants, key=lambda grant: (grant.starts_at is not None, grant.starts_at))
        for first, second in pairwise(ordered):
            if second.starts_at is None or (first.ends_at or OPEN_END) > second.starts_at:
                sentence = f"Two grants of {second.role!r} are for the same time. Make one of them."
                raise ValidationFailed({"role_grants": [sentence]})


def _ends_super_administrator(user: User, changes: GrantChanges) -> bool:
    """Whether they would hold the role of Super Administrator no more, or not for good."""
    lost = [grant for grant in changes.removed if grant.role.is_super_admin and grant.holds_now]
    limited = [
        grant
        for grant, before in changes.changed
        if grant.role.is_super_admin and before["ends_at"] is None and (grant.ends_at or not grant.holds_now)
    ]
    replaced = any(grant.role.is_super_admin and grant.holds_now and not grant.ends_at for grant in changes.added)
    return bool(lost or limited) and not replaced and user.is_super_administrator


def _store(user: User, changes: GrantChanges) -> None:
    RoleGrant.objects.filter(pk__in=[grant.pk for grant in changes.removed]).delete()
    for grant, _ in changes.changed:
        grant.save()
    for grant in changes.added:
        refuse_overlap(grant)
        grant.save(force_insert=True)
    for grant, _ in changes.changed:
        refuse_overlap(grant)
    forget_roles(user)


def _record(actor: Actor, user: User, before: list[Role], changes: GrantChanges, about: dict[str, Any]) -> None:
    """`about` is for the events of what is given, such as the exclusions that warn of it."""
    after = list(user.roles.all())
    if {*before} != {*after}:
        record_role_changes(
            actor,
            user,
            before,
            after,
            assigned={**grant_details([grant for grant in changes.added if grant.holds_now]), **about},
            revoked=grant_details(changes.removed),
        )
    # What begins later changes no role that is held now.
    later = [grant for grant in changes.added if not grant.holds_now]
    if later:
        names = sorted({grant.role.name for grant in later})
        record_user(actor, Action.ROLE_ASSIGN, user, roles=names, **grant_details(later), **about)
    lost = {role.name for role in before} - {role.name for role in after}
    planned = [grant for grant in changes.removed if grant.role.name not in lost]
    if planned:
        gone = sorted({grant.role.name for grant in planned})
        record_user(actor, Action.ROLE_REVOKE, user, roles=gone, **grant_details(planned))
    for grant, old in changes.changed:
        record_user(
            actor,
            Action.ROLE_ASSIGN,
            user,
            changes={"role_grants": ([old], [describe_grant(grant)])},
            roles=[grant.role.name],
            grants=[describe_grant(grant)],
            **about,
        )
