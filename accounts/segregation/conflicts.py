"""Which exclusions a change of a person's roles breaks, now or at a later moment: in memory, nothing is looked up."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from accounts.segregation.rules import Right, Rule


class RolePeriod(NamedTuple):
    """A role that someone holds between two moments; None: since ever, and without an end."""

    role_id: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        return (self.starts_at is None or self.starts_at <= moment) and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True, slots=True)
class RightsChange:
    """The roles of a person before and after a change; `user_id` is None of an account that isn't stored yet."""

    username: str
    user_id: int | None
    after: Collection[RolePeriod]
    before: Collection[RolePeriod] = ()
    #: Of exceptions of theirs that are in force: their ends, by the exclusion's id.
    exceptions: Mapping[int, datetime] = field(default_factory=dict)

    @property
    def adds(self) -> bool:
        """Whether anything comes along that wasn't there; to take away never breaks an exclusion."""
        return bool(set(self.after) - set(self.before))

    def moments(self, now: datetime) -> Sequence[datetime]:
        """Now, and every later moment at which something begins or ends."""
        bounds = [bound for period in (*self.before, *self.after) for bound in period[1:]]
        return [now, *sorted({bound for bound in (*bounds, *self.exceptions.values()) if bound and bound > now})]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Someone would hold what a rule keeps apart."""

    rule: Rule
    username: str
    held: frozenset[Right]
    added: frozenset[Right]
    #: When the exception ends that covers a part of the time.
    excepted_until: datetime | None = None

    @property
    def rights(self) -> frozenset[Right]:
        return self.held | self.added


def find_conflicts(
    change: RightsChange, rules: Iterable[Rule], given: Mapping[int, Collection[Right]], now: datetime
) -> list[Conflict]:
    """The rules that the change breaks, or breaks further, one conflict each; `given` are the rights of roles.

    What was broken before and stays as it is isn't among them.
    """
    rules = list(rules)
    found: dict[int, Conflict] = {}
    for moment in change.moments(now):
        after = frozenset(_held(change.after, given, moment))
        added = after.difference(_held(change.before, given, moment))
        for rule in rules:
            ends_at = change.exceptions.get(rule.pk)
            is_excepted = ends_at is not None and moment < ends_at
            if rule.pk in found or is_excepted or added.isdisjoint(rule.rights) or not rule.is_broken_by(after):
                continue
            new = added & rule.rights
            found[rule.pk] = Conflict(rule, change.username, (after & rule.rights) - new, new, ends_at)
    return list(found.values())


def _held(periods: Iterable[RolePeriod], given: Mapping[int, Collection[Right]], moment: datetime) -> Iterator[Right]:
    for period in periods:
        if period.holds_at(moment):
            yield from given.get(period.role_id, ())
