"""Accounts and roles as the audit log tells of them, event by event, and where the log contradicts itself."""

from dataclasses import dataclass, field

from accounts.models import Role, User

#: The permission that each kind of event about an account takes.
NEEDED = {
    "create": "user_create",
    "update": "user_update",
    "lock": "user_update",
    "unlock": "user_update",
    "role_assign": "user_update",
    "role_revoke": "user_update",
    "password_reset": "user_update",
    "export": "user_read",
}


@dataclass
class Account:
    """What the log has told of an account."""

    username: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    is_active: bool = False
    locked: bool = False
    roles: list = field(default_factory=list)

    @property
    def can_sign_in(self):
        return self.is_active and not self.locked


class Replay:
    """Goes through events in their order."""

    def __init__(self):
        self.accounts, self.roles, self.sessions, self.contradictions = {}, {}, {}, []

    def run(self, events):
        for event in events:
            self._actor(event)
            if event.resource in {"user", "role", "factor"}:
                getattr(self, f"_{event.resource}")(event)
            elif event.resource == "auth":
                self._auth(event)
        return self

    def accounts_now(self):
        """The present accounts in the same form."""
        users = User.objects.existing().with_role_names()
        return {
            user.pk: Account(
                user.username, user.email, user.first_name, user.last_name, user.is_active, user.is_locked,
                sorted(role.name for role in user.roles.all()),
            )
            for user in users
        }  # fmt: skip

    def roles_now(self):
        """The present roles in the same form."""
        return {role.name: set(role.permission_names) for role in Role.objects.all()}

    def _unless(self, holds, event, sentence):
        if not holds:
            self.contradictions.append(f"{event.pk} {event.username} {event.action} {event.resource_name}: {sentence}")

    def _held(self, account):
        return set().union(*(self.roles[name] for name in account.roles))

    def _actor(self, event):
        if event.user_id is None or event.action == "login":
            return
        actor = self.accounts.get(event.user_id)
        self._unless(actor and actor.can_sign_in, event, "the actor can't sign in")
        self._unless(actor and actor.username == event.username, event, "the actor has another name")
        self._unless(self.sessions.get(event.session_id) == event.user_id, event, "the session isn't open")

    def _auth(self, event):
        account = self.accounts.get(event.user_id)
        if event.action == "login":
            self._unless(account and account.can_sign_in, event, "nobody can sign in with this account")
            self._unless(account and account.username == event.username, event, "the account has another name")
            if event.success:
                self._unless(event.session_id not in self.sessions, event, "the session is open already")
                self.sessions[event.session_id] = event.user_id
        elif event.action in {"logout", "session_end"}:
            self.sessions.pop(event.session_id, None)

    def _role(self, event):
        after = {name: new for name, (_, new) in event.details["changes"].items()}
        known = self.roles.get(event.resource_name)
        if event.action == "create":
            # Demonstration data tell before their people what the installation tells at its own time.
            self._unless(known in {None, frozenset(after["permissions"])}, event, "the role is another one already")
        self.roles[event.resource_name] = frozenset(after.get("permissions", known or ()))

    def _factor(self, event):
        account = self.accounts.get(event.user_id)
        self._unless(event.action == "factor_add" and account, event, "it is nobody's")

    def _user(self, event):
        subject = int(event.resource_id) if event.resource_id else None
        account = self.accounts.get(subject)
        self._permission(event, account)
        if event.action == "create":
            self._unless(account is None, event, "the account exists already")
            account = self.accounts[subject] = Account()
        if not event.success or event.action == "export":
            return
        self._unless(account is not None, event, "there is no such account")
        if event.action == "password_reset":
            self._unless(event.details["sent_to"] == account.email, event, "the address is another one")
        for name, pair in event.details.get("changes", {}).items():
            present = getattr(account, name)
            old, new = (sorted(value) if isinstance(value, list) else value for value in pair)
            is_same = old == present or (event.action == "create" and old in (None, []))
            self._unless(is_same, event, f"{name} was {present!r}, not {old!r}")
            if name == "roles":
                self._unless(set(new) <= set(self.roles), event, f"{set(new) - set(self.roles)} don't exist")
                told = {"role_assign": set(new) - set(old), "role_revoke": set(old) - set(new)}
                same = sorted(told.get(event.action, ())) == event.details.get("roles", [])
                self._unless(same, event, "the details name other roles")
            setattr(account, name, new)

    def _permission(self, event, account):
        """Whether the actor could do it then: whoever changes an account holds what it holds, and isn't its owner."""
        actor = self.accounts.get(event.user_id)
        if event.user_id is None or actor is None:
            return
        if event.action == "access_denied":
            self._unless(event.details["required"] not in self._held(actor), event, "the actor holds what is missing")
            return
        if event.action == "password_change":
            self._unless(int(event.resource_id) == event.user_id, event, "the account is somebody else's")
            return
        self._unless(NEEDED[event.action] in self._held(actor), event, f"{NEEDED[event.action]} isn't held")
        if account:
            self._unless(account is not actor, event, "the account is their own")
            self._unless(self._held(account) <= self._held(actor), event, "the account holds more than the actor")
        elif event.action == "create":
            given = set().union(*(self.roles[name] for name in event.details["changes"]["roles"][1]))
            self._unless(given <= self._held(actor), event, "the account gets more than the actor holds")
