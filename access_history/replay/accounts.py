"""Replays one account: its facts and the roles that it holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from access_history.replay.events import PERSONAL_NAMES, Event, GrantPlan, parse_time, read_names, read_plans
from access_history.replay.roles import RoleBook
from access_history.replay.spans import AccountSpan, Facts, GrantSpan, Span


@dataclass(slots=True)
class UserHistory:
    """An account after the events so far."""

    user_id: int
    #: The last period, which has ended if the account was deleted; None before the first event.
    last: AccountSpan | None = None
    #: Grants that no event has ended, also such as begin later.
    grants: list[GrantSpan] = field(default_factory=list)
    ended: list[Span] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    @property
    def account(self) -> AccountSpan | None:
        return self.last if self.last and self.last.to_event is None else None

    def apply(self, event: Event, roles: RoleBook) -> None:
        exists = self._exists_after(event)
        if exists is False:
            self._end(event)
            return
        if self.account is None and self.last is not None and exists is None:
            self._contradict(event, "is about an account that was deleted before")
            return
        if self.account is None and event.action != "create" and exists is None:
            self._contradict(event, "is about an account that no event created")
        self._apply_facts(event)
        _Grants(self, event, roles).apply()

    def end_role(self, role_id: int, event: Event) -> None:
        """The role was deleted."""
        self.end_grants([grant for grant in self.grants if grant.role_id == role_id], event)

    def end_grants(self, grants: Iterable[GrantSpan], event: Event) -> None:
        for grant in grants:
            grant.end(event.moment, event.id)
            self.grants.remove(grant)
            self.ended.append(grant)

    def _contradict(self, event: Event, what: str) -> None:
        self.contradictions.append(f"Event {event.id} about account {self.user_id} {what}.")

    def _exists_after(self, event: Event) -> bool | None:
        """Whether the event says that the account exists or not; None if it says neither."""
        if event.state is not None:
            return event.state.get("exists") is not False
        if event.is_about_belonging:
            return None
        was_deleted, is_deleted = event.changes.get("deleted", (None, None))
        if event.action == "delete" or is_deleted is True:
            return False
        return True if event.action == "create" or was_deleted is True else None

    def _end(self, event: Event) -> None:
        if (account := self.account) is not None:
            account.end(event.moment, event.id)
            self.ended.append(account)
        elif event.state is None:
            self._contradict(event, "deletes what wasn't there")
        self.end_grants(list(self.grants), event)

    def _apply_facts(self, event: Event) -> None:
        account = self.account
        before = self.last.facts if self.last else Facts(username=event.resource_name)
        after = _facts_after(event, before)
        if account is not None and after == before and not event.changed_names:
            return
        moment = event.moment
        if account is not None:
            moment = account.end(moment, event.id)
            self.ended.append(account)
        elif self.last is not None and self.last.to_at is not None:
            moment = max(moment, self.last.to_at)
        self.last = AccountSpan(from_at=moment, from_event=event.id, user_id=self.user_id, facts=after)


def _facts_after(event: Event, before: Facts) -> Facts:
    found: dict[str, Any] = {}
    if not event.is_about_belonging:
        found |= _changed_facts(event)
    if event.changed_names and event.is_from_database and "username" in read_names(event.details.get("columns")):
        found["username"] = event.resource_name
    if event.state is not None:
        found |= _stated_facts(event.state)
    return before._replace(**found)


def _changed_facts(event: Event) -> dict[str, Any]:
    changes = event.changes
    found: dict[str, Any] = {}
    for name in PERSONAL_NAMES:
        if name in changes:
            # Erased values are None.
            found[name] = str(changes[name][1] or "")
    for name, called in (("is_active", "is_active"), ("locked", "is_locked"), ("is_service", "is_service")):
        if isinstance(changes.get(name, (None, None))[1], bool):
            found[called] = changes[name][1]
    for name in ("starts_at", "ends_at"):
        if name in changes:
            found[name] = parse_time(changes[name][1])
    if event.action in {"lock", "unlock"}:
        found["is_locked"] = event.action == "lock"
    return found


def _stated_facts(state: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, called in (("is_active", "is_active"), ("locked", "is_locked"), ("is_service", "is_service")):
        if isinstance(state.get(name), bool):
            found[called] = state[name]
    return found | {name: parse_time(state.get(name)) for name in ("starts_at", "ends_at") if name in state}


class _Grants:
    """What one event does to the grants of an account."""

    def __init__(self, history: UserHistory, event: Event, roles: RoleBook) -> None:
        self.history, self.event, self.roles = history, event, roles
        self.moment = event.moment

    def apply(self) -> None:
        event = self.event
        if event.state is not None:
            if "grants" in event.state:
                self._set(list(read_plans(event.state["grants"])))
        elif event.action == "role_assign" and "role_grants" in event.changes:
            old, new = event.changes["role_grants"]
            for before, after in zip(read_plans(old), read_plans(new), strict=False):
                self._change(before, after)
        elif event.action in {"create", "role_assign", "role_revoke"}:
            self._give_or_take()
            # A boundary is recorded later than other changes that came after it, and its list has these too.
            if not event.details.get("effective_at"):
                self._compare()

    def _give_or_take(self) -> None:
        event, listed = self.event, self.event.grants
        before, after = (read_names(names) for names in event.changes.get("roles", (None, None)))
        if event.action == "role_revoke":
            self._take(event.roles or [name for name in before if name not in after], listed)
            return
        names = event.roles if event.action == "role_assign" else after
        names = names or [name for name in after if name not in before]
        for name in dict.fromkeys([*names, *(plan.role for plan in listed)]):
            [*ids] = self.roles.ids_of([name], event)
            for role_id in ids:
                plans = [plan for plan in listed if plan.role == name]
                self._give(role_id, plans or self._plan_of_new(role_id, name))

    def _plan_of_new(self, role_id: int, name: str) -> list[GrantPlan]:
        """A grant for good, unless it is held, or was given for later and begins now."""
        of_role = self._of_role(role_id)
        if any(grant.has_begun(self.moment) for grant in of_role):
            return []
        if of_role:
            of_role[0].from_at, of_role[0].is_changed = self.moment, True
            return []
        return [GrantPlan(name, None, None)]

    def _give(self, role_id: int, plans: Iterable[GrantPlan]) -> None:
        for plan in plans:
            # Given already: this is the event of its beginning.
            if self._find(role_id, plan) is None:
                self._begin(role_id, plan)

    def _take(self, names: Iterable[str], listed: list[GrantPlan]) -> None:
        for plan in listed:
            for role_id in self.roles.ids_of([plan.role], self.event):
                if grant := self._find(role_id, plan):
                    self.history.end_grants([grant], self.event)
        given = {plan.role for plan in listed}
        for role_id in self.roles.ids_of([name for name in names if name not in given], self.event):
            held = [grant for grant in self._of_role(role_id) if grant.has_begun(self.moment)]
            self.history.end_grants(held, self.event)

    def _change(self, before: GrantPlan, after: GrantPlan) -> None:
        for role_id in self.roles.ids_of([after.role], self.event):
            grant = self._find(role_id, before)
            if grant is None:
                self._begin(role_id, after)
            elif grant.has_begun(self.moment) and after.starts_at and after.starts_at > self.moment:
                self.history.end_grants([grant], self.event)
                self._begin(role_id, after)
            else:
                if not grant.has_begun(self.moment):
                    grant.from_at = max(self.moment, after.starts_at or self.moment)
                grant.plan(after.starts_at, after.ends_at, self.event.id)

    def _set(self, plans: list[GrantPlan]) -> None:
        """These and no others are held, or begin later."""
        kept = []
        for plan in plans:
            role_id = plan.role_id if plan.role_id is not None else self.roles.find(plan.role)
            if role_id is not None:
                kept.append(self._find(role_id, plan) or self._begin(role_id, plan))
        self.history.end_grants([grant for grant in self.history.grants if grant not in kept], self.event)

    def _compare(self) -> None:
        """Follow what the event says was held before and after, where what is known differs."""
        names = self.event.changes.get("roles", (None, None))[1]
        # What passed is recorded later, with what was held then: also what was given in between, past the services.
        if not isinstance(names, list) or "effective_at" in self.event.details:
            return
        known = {name: self.roles.find(str(name)) for name in names}
        wanted = {role_id for role_id in known.values() if role_id is not None}
        held = {grant.role_id for grant in self.history.grants if grant.has_begun(self.moment)}
        for name, role_id in known.items():
            if role_id is not None and role_id not in held:
                self.history._contradict(self.event, f"says that the role {name!r} was held, which no event gave")
                self._begin(role_id, GrantPlan(str(name), None, None))
        gone = [
            grant
            for grant in self.history.grants
            if grant.has_begun(self.moment)
            and grant.role_id not in wanted
            # One whose end has just passed is held no more, and the event of that follows.
            and (grant.ends_at is None or grant.ends_at > self.moment)
        ]
        for grant in gone:
            self.history._contradict(self.event, f"leaves out the role {grant.role_id}, which no event took")
        self.history.end_grants(gone, self.event)

    def _of_role(self, role_id: int) -> list[GrantSpan]:
        return [grant for grant in self.history.grants if grant.role_id == role_id]

    def _find(self, role_id: int, plan: GrantPlan) -> GrantSpan | None:
        period = (plan.starts_at, plan.ends_at)
        return next((grant for grant in self._of_role(role_id) if (grant.starts_at, grant.ends_at) == period), None)

    def _begin(self, role_id: int, plan: GrantPlan) -> GrantSpan:
        begins: datetime = max(self.moment, plan.starts_at or self.moment)
        grant = GrantSpan(
            from_at=begins,
            from_event=self.event.id,
            user_id=self.history.user_id,
            role_id=role_id,
            granted_by_id=self.event.actor_id,
            granted_by_name=self.event.actor_name,
        )
        grant.plan(plan.starts_at, plan.ends_at, self.event.id)
        self.history.grants.append(grant)
        return grant
