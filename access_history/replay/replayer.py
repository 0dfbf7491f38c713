"""Replays events about users and roles together."""

from collections.abc import Iterable

from access_history.replay.accounts import UserHistory
from access_history.replay.events import Event
from access_history.replay.roles import RoleBook


class Replayer:
    """Roles and accounts after the events so far."""

    def __init__(self, roles: RoleBook | None = None, users: Iterable[UserHistory] = ()) -> None:
        self.roles = roles or RoleBook()
        self.users = {user.user_id: user for user in users}

    def apply_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        if event.resource != "user":
            role_id = self.roles.apply(event)
            if role_id is not None:
                for user in self.users.values():
                    user.end_role(role_id, event)
        elif (user_id := event.subject_id) is not None:
            if user_id not in self.users:
                self.users[user_id] = UserHistory(user_id)
            self.users[user_id].apply(event, self.roles)

    def contradictions(self) -> list[str]:
        found = [*self.roles.contradictions]
        for user in self.users.values():
            found += user.contradictions
        return found
