"""Importing a file of people: as new ones, or to bring those who are there up to date."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import connection, transaction

from accounts.access.authorization import authorize, service
from accounts.models import User
from accounts.onboarding.leavers import LeaverOptions, Leavers, find_leavers, remember_people
from accounts.onboarding.options import DEFAULT_LIST, UPDATE
from accounts.onboarding.reconciliation import AccountChange, Reconciliation, reconcile, refusal_sentences
from accounts.permissions import USER_CREATE, USER_READ, USER_UPDATE
from accounts.segregation.checks import add_warnings, conflicts_of
from accounts.users.csv.import_users import (
    BATCH_SIZE,
    ImportedFile,
    ImportRow,
    RowsRefused,
    record_import,
    rights_of,
    store_users,
)
from accounts.users.services import update_user
from audit.authorization import recording_denials
from reprotech.core.actors import Actor
from reprotech.core.change_reason import ReasonRefused
from reprotech.core.exceptions import Conflict, Forbidden, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication

if TYPE_CHECKING:
    from datetime import datetime

#: What a file needs that may create and change, and whose preview shows what is there.
RIGHTS = (USER_CREATE, USER_READ, USER_UPDATE)
#: Arbitrary, and used for no other advisory lock of this database.
ADVISORY_LOCK_ID = 5_118_404


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an import that updates does, or would do."""

    people: Reconciliation = field(default_factory=Reconciliation)
    leavers: Leavers | None = None

    @property
    def ending(self) -> Sequence[User]:
        return self.leavers.chosen if self.leavers else ()

    @property
    def counts(self) -> dict[str, int]:
        return {
            "created": len(self.people.created),
            "changed": len(self.people.changed),
            "unchanged": self.people.unchanged_count,
            "ended": len(self.ending),
        }

    @property
    def changes_nothing(self) -> bool:
        return not (self.people.created or self.people.changed or self.ending)


@recording_denials
def compare_people(
    *, actor: Actor, rows: Sequence[ImportRow], source: str = DEFAULT_LIST, leavers: LeaverOptions | None = None
) -> Comparison:
    """What `update_people` would do; changes nothing. Raises Forbidden or ValidationFailed."""
    authorize(actor, RIGHTS)
    try:
        # To ask who the last Super Administrator is locks their role.
        with transaction.atomic():
            found = _compare(actor, rows, source, leavers)
    except RowsRefused as refused:
        refused.record(actor)
        raise
    rights = [
        *rights_of(draft for _, draft in found.people.created),
        *(change.rights for change in found.people.changed),
    ]
    add_warnings(actor, *conflicts_of(rights))
    return found


@recording_denials
def update_people(
    *,
    actor: Actor,
    rows: Sequence[ImportRow],
    source: str = DEFAULT_LIST,
    leavers: LeaverOptions | None = None,
    file: ImportedFile | None = None,
) -> Comparison:
    """Bring accounts up to date with a file: who isn't there is created, and whose leaving was chosen gets an end.

    All of it, or nothing; each person's change has its event, and so has the import. The same file again changes
    nothing. Raises Forbidden, Conflict, TooManyLeavers, or ValidationFailed with what is wrong by line.
    """
    try:
        return _update(actor=actor, rows=rows, source=source, leavers=leavers, file=file or ImportedFile())
    except RowsRefused as refused:
        refused.record(actor)
        raise


@service
def _update(
    *, actor: Actor, rows: Sequence[ImportRow], source: str, leavers: LeaverOptions | None, file: ImportedFile
) -> Comparison:
    _wait_for_other_imports()
    authorize(actor, RIGHTS)
    # Users are locked before roles, and to ask who the last Super Administrator is locks their role.
    _lock(User.objects.super_administrators())
    found = _compare(actor, rows, source, leavers)
    if found.leavers and leavers:
        found.leavers.require_confirmation(leavers.confirmed)
    if not found.changes_nothing:
        require_recent_authentication()
    _lock([*(change.user for change in found.people.changed), *found.ending])
    new = store_users(actor=actor, drafts=[draft for _, draft in found.people.created])
    for change in found.people.changed:
        _apply(actor, change)
    for user in found.ending:
        _end(actor, user, found.leavers.ends_at if found.leavers else None)
    remember_people(source, [user.pk for user in (*found.people.found, *new)])
    record_import(actor, file, mode=UPDATE, list=source, **found.counts)
    return found


def _compare(actor: Actor, rows: Sequence[ImportRow], source: str, options: LeaverOptions | None) -> Comparison:
    people = reconcile(actor, rows)
    leavers = find_leavers(actor, source, options, {user.pk for user in people.found}) if options else None
    return Comparison(people, leavers)


def _wait_for_other_imports() -> None:
    """Of two at once, the second compares with what the first has stored."""
    # SQLite's transactions exclude each other already.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_ID])


def _lock(users: Iterable[User]) -> None:
    """In the order of their ids, and all of them before roles are: no other change of one of them can be in the way."""
    ids = sorted(user.pk for user in users)
    for start in range(0, len(ids), BATCH_SIZE):
        batch = User.objects.filter(pk__in=ids[start : start + BATCH_SIZE]).order_by("pk")
        list(batch.select_for_update(no_key=True).values_list("pk"))


def _apply(actor: Actor, change: AccountChange) -> None:
    try:
        update_user(actor=actor, user_id=change.user.pk, **change.wanted)
    except ReasonRefused:
        raise  # no row is wrong
    except (Conflict, Forbidden, ValidationFailed) as refused:
        # Something changed since it was compared.
        sentences = refusal_sentences(refused, change.user)
        raise ValidationFailed({f"line {change.row.line}": sentences}) from None


def _end(actor: Actor, user: User, ends_at: "datetime | None") -> None:
    try:
        update_user(actor=actor, user_id=user.pk, ends_at=ends_at)
    except ReasonRefused:
        raise
    except (Conflict, Forbidden, ValidationFailed) as refused:
        sentences = [f"{user}: {sentence}" for sentence in refusal_sentences(refused, user)]
        raise ValidationFailed({"leavers": sentences}) from None
