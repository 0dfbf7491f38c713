"""What a file changes of accounts that are there: found out, and checked, before anything is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.access.authorization import rights_read_once
from accounts.core.email_addresses import lookup_address
from accounts.core.exceptions import OwnGrantEndsEarlier
from accounts.core.model_fields import stored_form
from accounts.models import Role, User
from accounts.onboarding.matching import Accounts
from accounts.periods.grants import iso_time
from accounts.roles.assignments import find_roles, in_order, role_names
from accounts.roles.grant_changes import GrantChanges, authorize_grant_changes, check_periods, role_changes
from accounts.segregation.checks import conflicts_of
from accounts.segregation.conflicts import RightsChange, RolePeriod
from accounts.segregation.refusals import refusal
from accounts.users.account_period import PERIOD_FIELDS, authorize_field_changes, authorize_period
from accounts.users.csv.columns import PERIOD_COLUMNS
from accounts.users.csv.import_users import ImportRow, PreparedUser, RowValidator, prefix_with_column
from accounts.users.csv.parser import LOCKED_PROBLEM
from accounts.users.csv.usernames import fill_usernames
from accounts.users.services import refuse_own_account
from accounts.users.uniqueness import find_taken_names, validate_fields
from reprotech.core.actors import Actor
from reprotech.core.exceptions import DomainError, Forbidden, ValidationFailed

NO_PASSWORDS = "password: Leave it empty: new people are invited by e-mail, and others keep theirs."
TEXT_FIELDS = ("email", "first_name", "last_name")
CHANGEABLE = (*TEXT_FIELDS, "is_active")
LOCKED_NOTE = "The account is locked, and stays so."
ENDED_NOTE = "The account has ended. Give a later ends_at to open it again."
INACTIVE_NOTE = "The account is inactive, and stays so."


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What a row changes of an account; its fields as arguments of `update_user`."""

    row: ImportRow
    user: User
    fields: dict[str, tuple[Any, Any]]
    grants: GrantChanges
    roles: list[Role] | None = None

    @property
    def added(self) -> list[str]:
        return role_names(in_order(grant.role for grant in self.grants.added))

    @property
    def removed(self) -> list[str]:
        return role_names(in_order(grant.role for grant in self.grants.removed))

    @property
    def wanted(self) -> dict[str, Any]:
        roles = {"roles": [role.slug for role in self.roles]} if self.grants and self.roles is not None else {}
        return {**{name: new for name, (_, new) in self.fields.items()}, **roles}

    @property
    def rights(self) -> RightsChange:
        """What they would hold, to compare with the exclusions."""
        gone = {grant.pk for grant in self.grants.removed}
        before = {
            grant.pk: RolePeriod(grant.role_id, grant.starts_at, grant.ends_at)
            for grant in self.user.grants_now_or_later
        }
        after = [period for pk, period in before.items() if pk not in gone]
        after += [RolePeriod(grant.role_id, grant.starts_at, grant.ends_at) for grant in self.grants.added]
        return RightsChange(self.user.username, self.user.pk, after=after, before=list(before.values()))

    def described(self) -> dict[str, list[object]]:
        """The fields as the API and pages show them: old and new."""
        return {name: [_plain(old), _plain(new)] for name, (old, new) in self.fields.items()}


@dataclass(slots=True)
class Reconciliation:
    created: list[tuple[ImportRow, PreparedUser]] = field(default_factory=list)
    changed: list[AccountChange] = field(default_factory=list)
    #: Everybody whom the file names and who is there.
    found: list[User] = field(default_factory=list)
    #: What doesn't follow from the file, by line.
    notes: list[tuple[int, User, str]] = field(default_factory=list)

    @property
    def unchanged_count(self) -> int:
        return len(self.found) - len(self.changed)


def reconcile(actor: Actor, rows: Sequence[ImportRow], usernames: Mapping[int, str] | None = None) -> Reconciliation:
    """Compare a file with the accounts. An empty cell changes nothing, and no column that the file doesn't have.

    New people without a username get that of `usernames` by their line, or one that is proposed.

    Raises ValidationFailed with all that is wrong, by line.
    """
    with rights_read_once():
        return _Reconciler(actor).compare(rows, usernames)


class _Reconciler:
    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._validator = RowValidator(actor)
        self._result = Reconciliation()
        self._lines: dict[int, int] = {}
        self._roles: dict[str, Role | str] = {}
        self._known_roles: dict[int, Role] = {}

    def compare(self, rows: Sequence[ImportRow], usernames: Mapping[int, str] | None) -> Reconciliation:
        accounts = Accounts(self._actor, [row for row in rows if row.fields])
        new: list[ImportRow] = []
        for row in rows:
            found = accounts.find(row) if row.fields else None
            if row.password is not None:
                self._validator.refuse(row, [NO_PASSWORDS])
            elif found is None:
                new.append(row)
            elif isinstance(found, str):
                self._validator.refuse(row, [*row.problems, found])
            else:
                self._compare(row, found)
        self._result.created = self._validator.check(fill_usernames(new, usernames))
        self._refuse_excluded()
        self._refuse_taken()
        self._validator.raise_errors()
        return self._result

    def _compare(self, row: ImportRow, user: User) -> None:
        # An export says of a locked account that it is; a file neither locks nor unlocks.
        problems = [problem for problem in row.problems if not (user.is_locked and problem == LOCKED_PROBLEM)]
        if (earlier := self._lines.setdefault(user.pk, row.line)) != row.line:
            problems.append(f"username: Line {earlier} is about {user} too. Keep one of them.")
        self._validator.refuse(row, [*problems, *self._validator.repeated(row)])
        self._result.found.append(user)
        roles = self._named_roles(row)
        grants = GrantChanges() if roles is None else role_changes(self._actor, user, roles)
        change = AccountChange(row, user, _changed_fields(row, user), grants, roles)
        self._note(row, change)
        if not problems and (change.fields or grants):
            self._check(change)
            self._result.changed.append(change)

    def _named_roles(self, row: ImportRow) -> list[Role] | None:
        """None where the file leaves the roles as they are."""
        if not row.roles:
            return None
        found = [self._role(name) for name in row.roles]
        self._validator.refuse(row, [f"roles: {sentence}" for sentence in found if isinstance(sentence, str)])
        roles = [role for role in found if isinstance(role, Role)]
        return roles if len(roles) == len(found) else None

    def _role(self, name: str) -> Role | str:
        if not self._known_roles:
            self._known_roles = Role.objects.with_permissions().in_bulk()
        if name not in self._roles:
            try:
                [role] = find_roles([name])
                self._roles[name] = self._known_roles.get(role.pk, role)
            except ValidationFailed as unknown:
                self._roles[name] = " ".join(unknown.errors["roles"])
        return self._roles[name]

    def _check(self, change: AccountChange) -> None:
        """By the rules of `update_user`, which checks again what it stores."""
        actor, user, fields = self._actor, change.user, change.fields
        try:
            if fields:
                authorize_field_changes(actor, user, fields)
            authorize_grant_changes(actor, user, change.grants)
            if fields.keys() & PERIOD_FIELDS:
                authorize_period(actor, user, fields)
            if "is_active" in fields and user.is_active:
                refuse_own_account(actor, user, "deactivate")
            check_periods(actor, change.grants.given, removed=change.grants.removed)
            validate_fields(_with_new_names(user, fields))
        except DomainError as denied:
            self._validator.refuse(change.row, refusal_sentences(denied, user))
            if isinstance(denied, Forbidden):
                self._validator.denials.append(denied)

    def _note(self, row: ImportRow, change: AccountChange) -> None:
        user, note = change.user, ""
        if user.is_locked:
            note = LOCKED_NOTE
        elif user.has_ended and "ends_at" not in change.fields:
            note = ENDED_NOTE
        elif not user.is_active and "is_active" not in change.fields:
            note = INACTIVE_NOTE
        if note:
            self._result.notes.append((row.line, user, note))

    def _refuse_excluded(self) -> None:
        changes = [change for change in self._result.changed if change.grants.added]
        rules, found = conflicts_of([change.rights for change in changes])
        for change, conflicts in zip(changes, found, strict=True):
            if refused := [conflict for conflict in conflicts if conflict.rule.refuses]:
                self._validator.refuse(change.row, [f"roles: {refusal(self._actor, rules, refused).message}"])

    def _refuse_taken(self) -> None:
        changes = [change for change in self._result.changed if "email" in change.fields]
        users = [_with_new_names(change.user, change.fields) for change in changes]
        for change, errors in zip(changes, find_taken_names(users), strict=True):
            self._validator.refuse(change.row, prefix_with_column(errors))


def refusal_sentences(refused: DomainError, user: User) -> list[str]:
    if isinstance(refused, ValidationFailed):
        return prefix_with_column(refused.errors)
    if isinstance(refused, Forbidden) and not isinstance(refused, OwnGrantEndsEarlier):
        return [f"You can't change {user} so: it takes {refused.required}, which you don't hold. Leave out the line."]
    return [refused.message]


def _changed_fields(row: ImportRow, user: User) -> dict[str, tuple[Any, Any]]:
    wanted: dict[str, Any] = {name: row.fields[name] for name in CHANGEABLE if name in row.given}
    if "email" in wanted and lookup_address(wanted["email"]) == user.email.lower():
        del wanted["email"]  # its letters in another case are the same mailbox
    wanted |= {
        name: moment for name in PERIOD_COLUMNS if (moment := row.fields.get(name)) and _is_ahead(user, name, moment)
    }
    forms = {name: stored_form(User, name, value) for name, value in wanted.items()}
    return {name: (getattr(user, name), new) for name, new in forms.items() if getattr(user, name) != new}


def _is_ahead(user: User, name: str, moment: datetime) -> bool:
    """Whether a time still matters: lists name the first day of everybody, and the last of those who left long ago."""
    passed = not user.is_pending if name == "starts_at" else user.has_ended
    return not passed or moment > timezone.now()


def _with_new_names(user: User, fields: Mapping[str, tuple[Any, Any]]) -> User:
    """Another instance, with nothing of the account but its names: to validate it looks up nothing."""
    names = {name: getattr(user, name) for name in ("username", *TEXT_FIELDS)}
    return User(pk=user.pk, **{**names, **{name: new for name, (_, new) in fields.items() if name in TEXT_FIELDS}})


def _plain(value: object) -> object:
    return iso_time(value) if isinstance(value, datetime) else value
