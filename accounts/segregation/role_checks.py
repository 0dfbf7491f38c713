"""Whether a role may hold more: everybody who has it, now or later, gets that at once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.core.exceptions import Segregation
from accounts.models import ExclusionException, Permission, Role, RoleGrant, User
from accounts.models.role_grants import RoleGrantQuerySet
from accounts.segregation.checks import Warned
from accounts.segregation.conflicts import Conflict
from accounts.segregation.locks import lock_rights_of_roles
from accounts.segregation.refusals import joined, refusal, warning_of
from accounts.segregation.rules import Right, Rule, Rules
from reprotech.core.actors import Actor
from reprotech.core.change_warnings import MAX_NAMED, add_warning
from reprotech.web.estimated_counts import MAX_COUNTED

#: The rights that each role gives, by its id.
Given = Mapping[int, set[Right]]
#: In place of an end that there isn't.
FAR = Value(datetime(9999, 12, 31, tzinfo=UTC), output_field=DateTimeField())


def refuse_excluded_permissions(actor: Actor, role: Role, added: Collection[Permission]) -> Warned:
    """Raise Segregation if an exclusion refuses that the holders of a role get these permissions as well.

    Returns the names of the exclusions that warn of it. Call it before they are stored, with the role locked.
    """
    if not added or role.is_super_admin:
        return []
    lock_rights_of_roles()
    rules = Rules.load()
    new = rules.names.keys() & {Right(is_role=False, pk=permission.pk) for permission in added}
    touched = [rule for rule in rules.rules if new & rule.rights]
    if not touched:
        return []
    before = rules.given_by()
    after = {**before, role.pk: before.get(role.pk, set()) | new}
    refusals: list[Segregation] = []
    warned: Warned = []
    for rule in touched:
        added_rights = new & rule.rights
        user_ids = _gaining(role, rule, added_rights, before, after)
        total = user_ids[: MAX_COUNTED + 1].count()
        if not total:
            continue
        conflicts = _conflicts(rule, added_rights, list(user_ids[:MAX_NAMED]), before)
        if rule.refuses:
            refusals.append(refusal(actor, rules, conflicts, total))
        else:
            add_warning(warning_of(actor, rules, rule, conflicts, total))
            warned.append(rule.name)
    if refusals:
        raise joined(refusals)
    return warned


def _gaining(role: Role, rule: Rule, new: Collection[Right], before: Given, after: Given) -> "QuerySet[RoleGrant, Any]":
    """The ids of those for whom the exclusion would be broken, or broken further, while they hold the role.

    Where another role gives them the same for a part of that time, or an exception ends earlier, they are among them:
    what isn't covered throughout isn't covered.
    """
    gains = Q()
    for right in new:
        others = [pk for pk, rights in before.items() if right in rights and pk != role.pk]
        # Nothing is new for those who have the permission through another role as long as this one.
        gain = Q(~Exists(_covering(RoleGrant.objects.filter(role__in=others))))
        opposite = rule.b if right in rule.a else rule.a
        if after[role.pk].isdisjoint(opposite):
            holders = [pk for pk, rights in after.items() if not rights.isdisjoint(opposite) and pk != role.pk]
            gain &= Q(Exists(_overlapping(RoleGrant.objects.filter(role__in=holders))))
        gains |= gain
    excepted = ExclusionException.objects.in_force().filter(
        exclusion=rule.pk, user=OuterRef("user"), ends_at__gte=OuterRef("ends_at")
    )
    grants = RoleGrant.objects.unended().filter(gains, ~Exists(excepted), role=role)
    return grants.order_by("user_id").values_list("user_id", flat=True).distinct()


def _covering(grants: RoleGrantQuerySet) -> RoleGrantQuerySet:
    """Of the same user as the outer grant, from now or its start on and until its end."""
    start = Coalesce(OuterRef("starts_at"), Value(timezone.now(), output_field=DateTimeField()))
    has_begun = Q(starts_at__isnull=True) | Q(starts_at__lte=timezone.now()) | Q(starts_at__lte=start)
    return (
        grants.order_by()
        .alias(until=Coalesce(F("ends_at"), FAR))
        .filter(has_begun, user=OuterRef("user"), until__gte=Coalesce(OuterRef("ends_at"), FAR))
    )


def _overlapping(grants: RoleGrantQuerySet) -> RoleGrantQuerySet:
    """Of the same user as the outer grant, for a part of its time that isn't over."""
    start = Coalesce(OuterRef("starts_at"), Value(timezone.now(), output_field=DateTimeField()))
    begins_in_time = Q(starts_at__isnull=True) | Q(starts_at__lt=Coalesce(OuterRef("ends_at"), FAR))
    return (
        grants.unended()
        .order_by()
        .alias(until=Coalesce(F("ends_at"), FAR))
        .filter(begins_in_time, user=OuterRef("user"), until__gt=start)
    )


def _conflicts(rule: Rule, new: Collection[Right], user_ids: Sequence[int], before: Given) -> list[Conflict]:
    """What these users hold of the sets already, and what comes along."""
    names = dict(User.objects.filter(pk__in=user_ids).values_list("pk", "username"))
    held: dict[int, set[Right]] = {pk: set() for pk in user_ids}
    grants = RoleGrant.objects.unended().filter(user__in=user_ids).order_by()
    for user_id, role_id in grants.values_list("user_id", "role_id"):
        held[user_id] |= before.get(role_id, set()) & rule.rights
    return [Conflict(rule, names[pk], frozenset(held[pk]), frozenset(new) - frozenset(held[pk])) for pk in user_ids]
