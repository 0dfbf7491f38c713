"""Who holds what an exclusion keeps apart, now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Exclusion, ExclusionException, RoleGrant, User
from accounts.segregation.rules import Right, Rule, Rules
from reprotech.web.estimated_counts import MAX_COUNTED

#: A user's grants, as ids: (exclusion, user).
Found = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Violation:
    """A person who holds something of both sets; `exception` is what allows it for a while."""

    rule: Rule
    user: User
    held_a: list[str]
    held_b: list[str]
    exception: ExclusionException | None

    @property
    def exclusion(self) -> str:
        return self.rule.name


def violators(rule: Rule, given: Mapping[int, set[Right]]) -> QuerySet[User]:
    """Those who hold something of both sets, through one role or several; `given` is of all roles."""
    sides = [[pk for pk, rights in given.items() if not rights.isdisjoint(side)] for side in (rule.a, rule.b)]
    grants = [RoleGrant.objects.current().order_by().filter(role__in=ids, user=OuterRef("pk")) for ids in sides]
    found: QuerySet[User] = User.objects.existing().filter(*(Exists(held) for held in grants))
    return found


def count_violators(rules: Rules) -> dict[int, int]:
    """How many there are of each exclusion, counted up to one more than MAX_COUNTED, in one query for all."""
    if not rules.rules:
        return {}
    given = rules.given_by()
    parts = {rule.pk: violators(rule, given).order_by()[: MAX_COUNTED + 1] for rule in rules.rules}
    return dict(_union("SELECT {pk}, COUNT(*) FROM ({query}) AS found", parts))


def find_violations(rules: Rules, counts: Mapping[int, int], first: int, limit: int) -> list[Violation]:
    """A part of all violations, by exclusion and then by user; `counts` are those of `count_violators`."""
    given = rules.given_by()
    parts: dict[int, QuerySet[User]] = {}
    for rule in rules.rules:
        found = min(counts.get(rule.pk, 0), MAX_COUNTED)
        if first < found and limit > 0:
            parts[rule.pk] = violators(rule, given).order_by("pk")[first : first + limit]
            limit -= min(found - first, limit)
        first = max(first - found, 0)
    return _described(rules, given, list(_union("SELECT {pk}, found.id FROM ({query}) AS found", parts)))


def _union(select: str, parts: Mapping[int, QuerySet[User]]) -> Iterable[tuple[int, int]]:
    """The rows of a query for each exclusion, all read at once: SQLite takes no LIMIT within Django's own union."""
    if not parts:
        return []
    statements: list[str] = []
    values: list[Any] = []
    for pk, users in parts.items():
        query, parameters = users.values("id").query.sql_with_params()
        statements.append(select.format(pk=int(pk), query=query))
        values += parameters
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(statements), values)
        rows: list[tuple[int, int]] = cursor.fetchall()
    return rows


def _described(rules: Rules, given: Mapping[int, set[Right]], found: Sequence[Found]) -> list[Violation]:
    user_ids = {user_id for _, user_id in found}
    users = {user.pk: user for user in User.objects.filter(pk__in=user_ids).with_role_names()}
    held: dict[int, set[Right]] = {}
    for user_id, role_id in (
        RoleGrant.objects.current().order_by().filter(user__in=user_ids).values_list("user_id", "role_id")
    ):
        held.setdefault(user_id, set()).update(given.get(role_id, ()))
    exceptions = {
        (exception.exclusion_id, exception.user_id): exception
        for exception in ExclusionException.objects.in_force().with_people().filter(user__in=user_ids)
    }
    shown = []
    for rule in rules.rules:
        for user_id in sorted(user_id for rule_id, user_id in found if rule_id == rule.pk and user_id in users):
            first, second = (rules.named(held.get(user_id, set()) & side) for side in (rule.a, rule.b))
            shown.append(Violation(rule, users[user_id], first, second, exceptions.get((rule.pk, user_id))))
    return shown


def rules_of(exclusions: Iterable[int] | None = None) -> Rules:
    """All exclusions by name, or these."""
    found = Exclusion.objects.all()
    return Rules.load(found if exclusions is None else found.filter(pk__in=list(exclusions)))
