"""Replays what roles are called and which permissions they hold."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from access_history.replay.events import Event, read_names
from access_history.replay.spans import PermissionSpan, RoleSpan, Span


@dataclass(slots=True)
class LiveRole:
    """A role that exists, with the permissions that it holds, by name."""

    name: RoleSpan
    permissions: dict[str, PermissionSpan] = field(default_factory=dict)


class RoleBook:
    """The roles after the events so far."""

    def __init__(self) -> None:
        self.live: dict[int, LiveRole] = {}
        #: Who had each name last: events about users name roles, also such as were renamed a moment before.
        self.last_names: dict[str, int] = {}
        self.ended: list[Span] = []
        self.contradictions: list[str] = []
        self._ids: dict[str, int] = {}

    def add(self, role: LiveRole) -> None:
        """A role that is known to exist."""
        self.live[role.name.role_id] = role
        self.last_names[role.name.name] = self._ids[role.name.name] = role.name.role_id

    def find(self, name: str) -> int | None:
        return self._ids.get(name, self.last_names.get(name))

    def apply(self, event: Event) -> int | None:
        """Returns the role's id if the event ended it."""
        if event.resource == "permission":
            self._apply_permission(event)
            return None
        role_id = event.subject_id
        if role_id is None:
            return None
        state = event.state
        if (state is not None and state.get("exists") is False) or (state is None and event.action == "delete"):
            return self._end(role_id, event)
        changes = event.changes
        names: Collection[str] | None = None
        if state is not None:
            names, name = read_names(state.get("permissions")), str(state.get("name") or event.resource_name)
        else:
            name = str(changes.get("name", (None, None))[1] or event.resource_name)
        role = self._begin_or_rename(role_id, name, event)
        if state is None and "permissions" in changes:
            # As a difference: the registration of an application's permissions names no others.
            before, after = map(read_names, changes["permissions"])
            names = {*role.permissions} - {*before} | {*after}
        if event.action == "create":
            for span in (role.name, *role.permissions.values()):
                span.move_beginning(event.moment)
        if names is not None:
            self._set_permissions(role_id, role, names, event)
        return None

    def _begin_or_rename(self, role_id: int, name: str, event: Event) -> LiveRole:
        role, moment = self.live.get(role_id), event.moment
        if role is not None and role.name.name != name:
            self._ids.pop(role.name.name, None)
            moment = role.name.end(moment, event.id)
            self.ended.append(role.name)
        elif role is not None:
            return role
        span = RoleSpan(from_at=moment, from_event=event.id, role_id=role_id, name=name)
        self.add(LiveRole(span, role.permissions if role else {}))
        return self.live[role_id]

    def _set_permissions(self, role_id: int, role: LiveRole, names: Iterable[str], event: Event) -> None:
        wanted = {*names}
        for name in sorted(role.permissions.keys() - wanted):
            self._end_permission(role, name, event.moment, event.id)
        for name in sorted(wanted - role.permissions.keys()):
            role.permissions[name] = PermissionSpan(
                from_at=event.moment, from_event=event.id, role_id=role_id, permission=name
            )

    def _end_permission(self, role: LiveRole, name: str, moment: datetime, event_id: int) -> None:
        span = role.permissions.pop(name)
        span.end(moment, event_id)
        self.ended.append(span)

    def _end(self, role_id: int, event: Event) -> int | None:
        role = self.live.pop(role_id, None)
        if role is None:
            return None
        for name in sorted(role.permissions):
            self._end_permission(role, name, event.moment, event.id)
        role.name.end(event.moment, event.id)
        self.ended.append(role.name)
        self._ids.pop(role.name.name, None)
        return role_id

    def _apply_permission(self, event: Event) -> None:
        """A permission that got another name, or is gone, whichever roles held it."""
        old, new = event.changes.get("name", (None, None))
        if event.action == "delete":
            old, new = old or event.resource_name, None
        if not old or old == new:
            return
        for role_id, role in sorted(self.live.items()):
            if old in role.permissions:
                names = {*role.permissions} - {old} | ({new} if new else set())
                self._set_permissions(role_id, role, names, event)

    def ids_of(self, names: Collection[str], event: Event) -> list[int]:
        """The ids of roles that an event names; those that no event introduced are noted and left out."""
        found = []
        for name in names:
            role_id = self.find(name)
            if role_id is None:
                self.contradictions.append(f"Event {event.id} names the role {name!r}, which no event before it does.")
            else:
                found.append(role_id)
        return found
