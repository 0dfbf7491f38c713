"""Creating many users at once: all of them, or none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.access.authorization import LONG_AGO, OPEN_END, authorize, authorize_roles, service
from accounts.core.email_addresses import lookup_address
from accounts.core.exceptions import OwnGrantEndsEarlier
from accounts.core.hashers import hash_many
from accounts.models import Role, RoleGrant, User
from accounts.notifications.services import send_invitations
from accounts.passwords.services import refuse_to_set_passwords
from accounts.periods.grants import new_grant
from accounts.periods.validation import check_period
from accounts.permissions import USER_CREATE
from accounts.roles.assignments import find_roles, in_order
from accounts.roles.grant_changes import check_periods
from accounts.segregation.checks import add_warnings, conflicts_of, exclusion_details, refuse_excluded
from accounts.segregation.conflicts import RightsChange, RolePeriod
from accounts.segregation.refusals import refusal
from accounts.users.account_period import invitation_is_due, set_period
from accounts.users.services import by_invitation_alone, creation_changes
from accounts.users.uniqueness import build_user, find_taken_names, refuse_former_usernames
from audit.authorization import record_denial, recording_denials
from audit.models import Action
from audit.services import build_event, record, record_events
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, DomainError, Forbidden, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication

#: Hashing one takes a quarter of a second, and people wait for the answer.
MAX_PASSWORDS = 200
MAX_FILE_NAME = 200
BATCH_SIZE = 500
LEAVE_EMPTY = "Leave the column empty: people are invited by e-mail then."


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row: arguments of `create_user`, its line, and the mistakes in it."""

    line: int
    fields: dict[str, Any]  # text, `is_active`, and when the account begins and ends
    roles: tuple[str, ...] = ()
    password: str | None = None
    problems: tuple[str, ...] = ()
    #: Whether the file says that the account is over, so that an end in the past is no mistake.
    has_ended: bool = False
    #: The columns whose cells aren't empty: what the file says of someone who is there already.
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PreparedUser:
    """A valid user who isn't stored yet, with roles that the actor may assign."""

    user: User
    roles: Sequence[Role]
    password: str | None


class RowsRefused(ValidationFailed):
    """What is wrong, by line; with the first denial, since one for each line would flood the log."""

    def __init__(self, errors: Mapping[str, list[str]], denial: Forbidden | None) -> None:
        super().__init__(errors)
        self.denial = denial

    def record(self, actor: Actor) -> None:
        """Outside of the transaction that it rolled back."""
        if self.denial:
            record_denial(actor, self.denial)


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What the log says of the file: its name, and which of its headings stood for which columns."""

    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@recording_denials
def import_users(
    *, actor: Actor, rows: Sequence[ImportRow], dry_run: bool = False, file: ImportedFile | None = None
) -> int:
    """Create a user for every row, by the rules of `create_user` and with an audit event each; returns how many.

    Rows without a password are invited. With `dry_run` nothing is changed. Raises Forbidden, Conflict, or
    ValidationFailed with what is wrong by line: then none is saved. Raises ServerBusy while another import is hashed.
    """
    authorize(actor, USER_CREATE)
    if any(row.password is not None for row in rows):
        refuse_to_set_passwords(actor, LEAVE_EMPTY)
    if sum(row.password is not None for row in rows) > MAX_PASSWORDS:
        sentence = f"More than {MAX_PASSWORDS} rows have a password. Leave it empty to invite people by e-mail."
        raise ValidationFailed({"file": [sentence]})
    validator = RowValidator(actor)
    drafts = [draft for _, draft in validator.check(rows)]
    try:
        validator.raise_errors()
    except RowsRefused as refused:
        refused.record(actor)
        raise
    if dry_run:
        add_warnings(actor, *conflicts_of(rights_of(drafts)))
    else:
        if any(draft.roles for draft in drafts):
            require_recent_authentication()
        # Outside the transaction, which would hold its locks for up to a minute.
        passwords = [(draft.user, draft.password) for draft in drafts if draft.password is not None]
        hashes = hash_many([password for _, password in passwords])
        for (user, _), encoded in zip(passwords, hashes, strict=True):
            user.password, user.password_set_by_id = encoded, actor.pk
        _import(actor=actor, drafts=drafts, file=file or ImportedFile())
    return len(drafts)


@service
def _import(*, actor: Actor, drafts: Sequence[PreparedUser], file: ImportedFile) -> None:
    store_users(actor=actor, drafts=drafts)
    record_import(actor, file, mode="create", created=len(drafts))


def record_import(actor: Actor, file: ImportedFile, *, mode: str, **about: Any) -> None:
    """One event for a file, besides those of its people; of what stands in it, only headings and numbers."""
    details: dict[str, Any] = {"file": _printable(file.name), "mode": mode, **about, "columns": dict(file.columns)}
    record(actor=actor, action=Action.IMPORT, resource="user", **details)


def _printable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:MAX_FILE_NAME]


class RowValidator:
    """Collects everything that is wrong with the rows, instead of stopping at the first error."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.errors: dict[int, list[str]] = {}
        self.denials: list[Forbidden] = []
        #: By name, and when the account ends: for whom it has no part in the answer, at OPEN_END.
        self.known_roles: dict[tuple[str, datetime], Role | DomainError] = {}
        #: Those of them that the actor gives without holding what they give.
        self.beyond: set[Role] = set()
        self.first_lines: dict[str, int] = {}

    def check(self, rows: Sequence[ImportRow]) -> list[tuple[ImportRow, PreparedUser]]:
        """The users that the rows would make; what is wrong with the rows is noted."""
        drafted = [(row, draft) for row in rows if (draft := self._draft(row))]
        self._refuse_excluded(drafted)
        named = [row for row in rows if row.fields]
        for start in range(0, len(named), BATCH_SIZE):
            self._refuse_taken(named[start : start + BATCH_SIZE])
        return drafted

    def raise_errors(self) -> None:
        """Raise RowsRefused with all that was noted, if there is any."""
        if self.errors:
            errors = {f"line {line}": self.errors[line] for line in sorted(self.errors)}
            raise RowsRefused(errors, self.denials[0] if self.denials else None)

    def _draft(self, row: ImportRow) -> PreparedUser | None:
        self.refuse(row, row.problems)
        if not row.fields:
            return None
        roles = [self._role(name, row.fields.get("ends_at") or OPEN_END) for name in row.roles]
        self.refuse(row, [f"roles: {refusal}" for refusal in roles if isinstance(refusal, str)])
        self.refuse(row, self.repeated(row))
        try:
            user = self._user(row)
        except ValidationFailed as refusal:
            self.refuse(row, prefix_with_column(refusal.errors))
            return None
        granted = in_order(role for role in roles if isinstance(role, Role))
        if row.password is not None and (beyond := [role for role in granted if role in self.beyond]):
            self.refuse(row, [f"password: {by_invitation_alone(beyond)} {LEAVE_EMPTY}"])
        return PreparedUser(user, granted, row.password)

    def refuse(self, row: ImportRow, sentences: Iterable[str]) -> None:
        if errors := list(sentences):
            self.errors.setdefault(row.line, []).extend(errors)

    @staticmethod
    def _user(row: ImportRow) -> User:
        user = build_user(password=row.password, **row.fields)
        if user.starts_at or user.ends_at:
            check_period(user.starts_at, user.ends_at, may_be_over=row.has_ended)
            set_period(user, user.starts_at, user.ends_at)
            if user.has_ended or not invitation_is_due(user):
                user.invited_at = None
        return user

    def _role(self, name: str, end: datetime) -> Role | str:
        """The role, or why the actor can't give it until then. Who may give it for good may do so until any end."""
        refusal: DomainError | None = None
        for until in dict.fromkeys((OPEN_END, end)):
            if (name, until) not in self.known_roles:
                self.known_roles[name, until] = self._find_role(name, until)
            found = self.known_roles[name, until]
            if isinstance(found, Role):
                return found
            refusal = found
        if isinstance(refusal, Forbidden):
            self.denials.append(refusal)
        if isinstance(refusal, ValidationFailed):
            return " ".join(sentence for sentences in refusal.errors.values() for sentence in sentences)
        if isinstance(refusal, Forbidden) and not isinstance(refusal, OwnGrantEndsEarlier):
            return f"You can't give {name!r}: it holds {refusal.required}, which you don't."
        return refusal.message if refusal else ""

    def _find_role(self, name: str, end: datetime) -> Role | DomainError:
        try:
            [role] = find_roles([name])
            self.beyond.update(authorize_roles(self.actor, {role: end}))
            # A file gives roles for good.
            check_periods(self.actor, [RoleGrant(role=role)])
        except (ValidationFailed, Forbidden) as refusal:
            return refusal
        return role

    def repeated(self, row: ImportRow) -> Iterator[str]:
        # One dictionary for both: a username may not be another user's address either.
        names = {column: lookup_address(row.fields[column]) for column in ("username", "email")}
        for column, name in names.items():
            if name and self.first_lines.setdefault(name, row.line) != row.line:
                yield f"{column}: Line {self.first_lines[name]} has it too."

    def _refuse_excluded(self, drafted: Sequence[tuple[ImportRow, PreparedUser]]) -> None:
        rules, found = conflicts_of(rights_of([draft for _, draft in drafted]))
        for (row, _), conflicts in zip(drafted, found, strict=True):
            if refused := [conflict for conflict in conflicts if conflict.rule.refuses]:
                self.refuse(row, [f"roles: {refusal(self.actor, rules, refused).message}"])

    def _refuse_taken(self, rows: Sequence[ImportRow]) -> None:
        normalized = User.objects.normalize_email
        users = [User(username=row.fields["username"], email=normalized(row.fields["email"])) for row in rows]
        for row, errors in zip(rows, find_taken_names(users), strict=True):
            self.refuse(row, prefix_with_column(errors))


def rights_of(drafts: Iterable[PreparedUser]) -> list[RightsChange]:
    """What the new users would hold, to compare with the exclusions."""
    return [
        RightsChange(draft.user.username, draft.user.pk, after=[RolePeriod(role.pk) for role in draft.roles])
        for draft in drafts
    ]


def prefix_with_column(errors: Mapping[str, list[str]]) -> list[str]:
    return [f"{column}: {sentence}" for column, sentences in errors.items() for sentence in sentences]


def _last_ends(drafts: Iterable[PreparedUser]) -> dict[Role, datetime]:
    """When the last of the accounts that get each role ends."""
    ends: dict[Role, datetime] = {}
    for draft in drafts:
        for role in draft.roles:
            ends[role] = max(ends.get(role, LONG_AGO), draft.user.ends_at or OPEN_END)
    return ends


@service
def store_users(*, actor: Actor, drafts: Sequence[PreparedUser]) -> list[User]:
    """Store checked users with their roles and events, and invite them."""
    # Again: permissions may have been revoked while passwords were hashed.
    authorize(actor, USER_CREATE)
    beyond = set(authorize_roles(actor, _last_ends(drafts)))
    if any(draft.password is not None and not beyond.isdisjoint(draft.roles) for draft in drafts):
        raise ValidationFailed({"password": [f"{by_invitation_alone(beyond)} {LEAVE_EMPTY}"]})
    users = [draft.user for draft in drafts]
    for user in users:
        user.fold_search_text()
    try:
        with transaction.atomic():
            User.objects.bulk_create(users, batch_size=BATCH_SIZE)
    except IntegrityError:
        # A concurrent request took a name after our check.
        raise Conflict("A username or e-mail address was taken a moment ago. Check the file again.") from None
    for start in range(0, len(users), BATCH_SIZE):
        refuse_former_usernames(users[start : start + BATCH_SIZE])
    warned = refuse_excluded(actor, rights_of(drafts))
    RoleGrant.objects.bulk_create(
        [new_grant(actor, draft.user, role) for draft in drafts for role in draft.roles],
        batch_size=BATCH_SIZE,
    )
    record_events(
        build_event(
            actor=actor,
            action=Action.CREATE,
            resource="user",
            resource_id=draft.user.pk,
            resource_name=draft.user.username,
            changes=creation_changes(draft.user, draft.roles),
            **exclusion_details(names),
        )
        for draft, names in zip(drafts, warned, strict=True)
    )
    send_invitations([user for user in users if user.invited_at is not None])
    return users
