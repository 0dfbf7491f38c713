"""All sequences of acts, and the rules that none may break."""

from collections.abc import Iterator

from django.db import transaction

from accounts.models import User
from accounts.tests.support.small_worlds.acts import Act, acts
from accounts.tests.support.small_worlds.states import GOOD, Account, Names, State
from reprotech.core.exceptions import DomainError


class Search:
    """All sequences of so many acts of the actor, as any account that they control.

    Equal states are visited once, what was refused isn't tried again where nothing that it depends on differs, and the
    last act of a sequence is tried once for what it depends on.
    """

    def __init__(self, more: Names = ()) -> None:
        self.initial, self.more = State.read(), more
        self.visited: dict[object, int] = {}
        self.tried: set[object] = set()
        self.refused: set[object] = set()
        self.calls = 0
        #: Sentences, each with the acts that led there.
        self.found: list[str] = []

    def run(self, depth: int) -> "Search":
        self._visit(self.initial, depth, ())
        return self

    def _visit(self, state: State, depth: int, path: Names) -> None:
        key = state.key(self.initial)
        if self.visited.get(key, 0) >= depth:
            return
        self.visited[key] = depth
        for name in sorted(state.controlled):
            if state.accounts[name].can_sign_in:
                for act in acts(state, self.initial, self.more):
                    self._try(act, state, name, depth, path)

    def _try(self, act: Act, state: State, name: str, depth: int, path: Names) -> None:
        circumstances = act.circumstances(state, name)
        is_known = circumstances in (self.tried if depth == 1 else self.refused)
        if self.found or is_known:
            return
        self.tried.add(circumstances)
        self.calls += 1
        with transaction.atomic():
            try:
                act.run(User.objects.get(pk=state.accounts[name].pk))
            except DomainError:
                self.refused.add(circumstances)
            else:
                after, steps = act.after(state), (*path, f"{name}: {act.name}")
                self.found += [
                    f"{sentence} after {'; '.join(steps)}" for sentence in violations(self.initial, state, after)
                ]
                if depth > 1 and not self.found:
                    self._visit(after, depth - 1, steps)
            transaction.set_rollback(True)


def violations(initial: State, before: State, after: State) -> Iterator[str]:
    """What must not be: a sentence for each rule that the act, or those that led to it, broke."""
    if raised := after.own - initial.accounts["actor"].permissions:
        yield f"The actor can do {sorted(raised)}"
    if not any(one.is_last_resort for one in after.accounts.values()):
        yield "No Super Administrator is left"
    for name, now in after.accounts.items():
        yield from _gains(name, initial, now)
        yield from _takeovers(name, initial, before, now)
    yield from _weakened_exclusions(before, after)


def _gains(name: str, initial: State, now: Account) -> Iterator[str]:
    actor, first = initial.accounts["actor"], initial.accounts.get(name, Account())
    if gained := now.permissions - first.permissions - actor.reach:
        yield f"{name} was given {sorted(gained)}"
    # Who may give a role could give it back to the actor.
    if gained := now.reach - now.permissions - first.reach - actor.permissions:
        yield f"{name} may give {sorted(gained)}"
    # What roles of the actor's may grant lasts no longer than these roles.
    own, had = dict(actor.ends), dict(first.ends)
    longest = max(own.values(), default=GOOD)
    for permission, end in now.ends:
        if permission in had and end > max(had[permission], own.get(permission, longest)):
            yield f"{name} has {permission} for longer than the actor"
        if permission not in had and end > own.get(permission, longest):
            yield f"{name} was given {permission} for longer than the actor has it"


def _takeovers(name: str, initial: State, before: State, now: Account) -> Iterator[str]:
    held, last = initial.accounts["actor"].permissions, before.accounts.get(name)
    if last is None or last.permissions <= held or name in before.controlled:
        return
    if (now.state[3], now.password) != (last.state[3], last.password):
        yield f"{name}, who holds more, has another address or password"
    if now.can_sign_in and not last.can_sign_in:
        yield f"{name}, who holds more, can sign in again"
    if not now.can_sign_in and "super_admin" in last.roles:
        yield f"{name}, a Super Administrator, was shut out"


def _weakened_exclusions(before: State, after: State) -> Iterator[str]:
    refusing = {pk: (first, second) for pk, refuses, first, second in after.exclusions if refuses}
    if any(counts for _, counts in after.exceptions):
        yield "An exception counts that no second person approved"
    for pk, refuses, *sets in before.exclusions:
        bound = [one for name, one in before.accounts.items() if name in before.controlled]
        binds = any(one.permissions & (sets[0] | sets[1]) for one in bound)
        is_as_strict = pk in refusing and all(old <= new for old, new in zip(sets, refusing[pk], strict=True))
        if refuses and binds and not is_as_strict:
            yield "The actor weakened an exclusion that binds them"
    for first, second in refusing.values():
        for name, now in after.accounts.items():
            last = before.accounts.get(name, Account()).permissions
            was_broken = bool(last & first and last & second)
            if now.permissions & first and now.permissions & second and not was_broken:
                yield f"{name} holds what an exclusion keeps apart"
