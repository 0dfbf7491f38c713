"""Exclusions as rules to compare rights with, and the rights that roles give."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from accounts.core.catalogue import SUPER_ADMIN, in_catalogue_order
from accounts.models import Exclusion, Role
from accounts.models.exclusions import ExclusionQuerySet


class Right(NamedTuple):
    """A role or a permission, by its id, as a set of an exclusion names it."""

    is_role: bool
    pk: int


@dataclass(frozen=True, slots=True)
class Rule:
    """An exclusion."""

    pk: int
    name: str
    refuses: bool
    a: frozenset[Right]
    b: frozenset[Right]

    @property
    def rights(self) -> frozenset[Right]:
        return self.a | self.b

    def is_broken_by(self, held: Collection[Right]) -> bool:
        return not self.a.isdisjoint(held) and not self.b.isdisjoint(held)


@dataclass(slots=True)
class Rules:
    """All exclusions, and the names of what they are about."""

    rules: list[Rule] = field(default_factory=list)
    names: dict[Right, str] = field(default_factory=dict)

    @classmethod
    def load(cls, exclusions: ExclusionQuerySet | None = None) -> Self:
        found = cls()
        for exclusion in (Exclusion.objects.all() if exclusions is None else exclusions).with_sets():
            a, b = (found._rights(exclusion, side) for side in Exclusion.SIDES)
            found.rules.append(Rule(exclusion.pk, exclusion.name, exclusion.refuses, a, b))
        return found

    def _rights(self, exclusion: Exclusion, side: str) -> frozenset[Right]:
        named = {Right(is_role=True, pk=role.pk): role.name for role in getattr(exclusion, f"roles_{side}").all()}
        permissions = getattr(exclusion, f"permissions_{side}").all()
        named |= {Right(is_role=False, pk=permission.pk): permission.name for permission in permissions}
        self.names |= named
        return frozenset(named)

    @property
    def permission_ids(self) -> set[int]:
        return {right.pk for right in self.names if not right.is_role}

    def given_by(self, role_ids: Collection[int] | None = None) -> dict[int, set[Right]]:
        """What each of these roles, or of all, gives of the rights that exclusions name.

        Of Super Administrator only the role itself: it holds every permission, so that each exclusion would refuse it.
        """
        through = Role.permissions.through.objects.exclude(role__slug=SUPER_ADMIN)
        through = through.filter(permission__in=self.permission_ids)
        if role_ids is not None:
            through = through.filter(role__in=role_ids)
        given: dict[int, set[Right]] = {}
        for role_id, permission_id in through.values_list("role_id", "permission_id"):
            given.setdefault(role_id, set()).add(Right(is_role=False, pk=permission_id))
        for right in self.names:
            if right.is_role and (role_ids is None or right.pk in role_ids):
                given.setdefault(right.pk, set()).add(right)
        return given

    def named(self, rights: Iterable[Right]) -> list[str]:
        """The names of rights: roles, then permissions."""
        found = sorted(rights, key=lambda right: self.names[right])
        roles = [self.names[right] for right in found if right.is_role]
        return [*roles, *in_catalogue_order(self.names[right] for right in found if not right.is_role)]
