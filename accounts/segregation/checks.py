"""The one place that decides whether a change of people's roles keeps to the exclusions.

Where grants are stored, once the rows of users and roles are locked, `checked_rights` compares what people hold before
and after. What an exclusion refuses raises Segregation; the names of those that only warn are for the event.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import Exclusion, ExclusionException, RoleGrant, User
from accounts.segregation.conflicts import Conflict, RightsChange, RolePeriod, find_conflicts
from accounts.segregation.locks import lock_rights_of_people
from accounts.segregation.refusals import refusal, warning_of
from accounts.segregation.rules import Rules
from reprotech.core.actors import Actor
from reprotech.core.change_warnings import add_warning

#: Ids of users that a query names.
MAX_NAMED_USERS = 100
#: Names of the exclusions that warn of a change.
Warned = list[str]

#: Ids of users whose roles a block compares already.
_compared: ContextVar[frozenset[int]] = ContextVar("compared_rights", default=frozenset())


@contextmanager
def checked_rights(actor: Actor, users: Sequence[User]) -> Iterator[dict[int, Warned]]:
    """Compare the roles that users hold, now and later, before the block and after it.

    Raises Segregation at its end if an exclusion refuses what came along; from then on the names of those that warn are
    there, by the user's id. The users must be locked. Blocks within it that are about the same users compare nothing.
    """
    warned: dict[int, Warned] = {}
    ids = frozenset(user.pk for user in users)
    if ids <= _compared.get():
        yield warned
        return
    lock_rights_of_people()
    if not Exclusion.objects.exists():
        yield warned
        return
    before = _periods(ids)
    token = _compared.set(_compared.get() | ids)
    try:
        yield warned
    finally:
        _compared.reset(token)
    after = _periods(ids)
    changes = [
        RightsChange(user.username, user.pk, after=after.get(user.pk, ()), before=before.get(user.pk, ()))
        for user in users
    ]
    found = refuse_excluded(actor, changes)
    warned.update((user.pk, names) for user, names in zip(users, found, strict=True) if names)


def _periods(user_ids: Collection[int]) -> Mapping[int, list[RolePeriod]]:
    grants = RoleGrant.objects.unended().filter(user__in=user_ids).order_by()
    found: dict[int, list[RolePeriod]] = {}
    for user_id, role_id, starts_at, ends_at in grants.values_list("user_id", "role_id", "starts_at", "ends_at"):
        found.setdefault(user_id, []).append(RolePeriod(role_id, starts_at, ends_at))
    return found


def refuse_excluded(actor: Actor, changes: Sequence[RightsChange]) -> list[Warned]:
    """Raise Segregation if an exclusion refuses one of these changes; for each, the names of those that warn of it."""
    if not any(change.adds for change in changes):
        return [[] for _ in changes]
    lock_rights_of_people()
    rules, found = conflicts_of(changes)
    refused = [conflict for conflicts in found for conflict in conflicts if conflict.rule.refuses]
    if refused:
        raise refusal(actor, rules, refused)
    add_warnings(actor, rules, found)
    return [[conflict.rule.name for conflict in conflicts] for conflicts in found]


def exclusion_details(names: Warned) -> dict[str, Any]:
    """What the event of a change says of the exclusions that warned of it."""
    return {"exclusions": names} if names else {}


def conflicts_of(changes: Sequence[RightsChange]) -> tuple[Rules, list[list[Conflict]]]:
    """The exclusions, and which of them each change breaks; in the same number of queries for any number of changes."""
    rules = Rules.load()
    if not rules.rules:
        return rules, [[] for _ in changes]
    given = rules.given_by({period.role_id for change in changes for period in (*change.before, *change.after)})
    exceptions = _exceptions([change.user_id for change in changes if change.user_id is not None])
    now = timezone.now()
    return rules, [
        find_conflicts(replace(change, exceptions=exceptions.get(change.user_id, {})), rules.rules, given, now)
        for change in changes
    ]


def add_warnings(actor: Actor, rules: Rules, found: Iterable[Collection[Conflict]]) -> None:
    for conflicts in found:
        for conflict in conflicts:
            if not conflict.rule.refuses:
                add_warning(warning_of(actor, rules, conflict.rule, [conflict]))


def _exceptions(user_ids: Collection[int]) -> dict[int | None, dict[int, datetime]]:
    """The ends of exceptions that are in force, by user and exclusion."""
    found: dict[int | None, dict[int, datetime]] = {}
    rows = ExclusionException.objects.in_force().order_by("ends_at")
    # Few people have one: of many changes at once, all are read.
    rows = rows.filter(user__in=user_ids) if len(user_ids) <= MAX_NAMED_USERS else rows
    for user_id, exclusion_id, ends_at in rows.values_list("user_id", "exclusion_id", "ends_at"):
        found.setdefault(user_id, {})[exclusion_id] = ends_at
    return found
