"""Who left: people of earlier files of a list who aren't in this one.

The scope is the list, by its name: everybody whom an import that updates created or found in a file of that name.
People of other lists, and those who never stood in a file, are never among them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.utils import timezone

from accounts.access.authorization import require_remaining_super_administrator, rights_read_once
from accounts.core.exceptions import TooManyLeavers
from accounts.models import ImportedPerson, User
from accounts.onboarding.reconciliation import refusal_sentences
from accounts.periods.validation import end_of_day, lab_day, refuse_unlikely_day
from accounts.users.account_period import authorize_field_changes, authorize_period
from accounts.users.csv.import_users import BATCH_SIZE
from reprotech.core.actors import Actor
from reprotech.core.exceptions import DomainError, ValidationFailed

OWN_ACCOUNT = "This is your own account."
#: One in so many may leave at once without a second yes.
MAX_SHARE = 10


@dataclass(frozen=True, slots=True)
class LeaverOptions:
    """What a person chose: whose accounts end, when, and the number that they confirmed."""

    last_day: date | None = None
    #: Ids of those who were ticked; None for everybody but those to keep.
    ticked: frozenset[int] | None = None
    #: Usernames of those who stay.
    keep: frozenset[str] = frozenset()
    confirmed: int | None = None


@dataclass(frozen=True, slots=True)
class Leaver:
    user: User
    #: Why the importing person can't let the account end; "" if they can.
    refusal: str = ""


@dataclass(slots=True)
class Leavers:
    source: str
    ends_at: datetime
    #: Of the list, accounts that have not ended, before the import.
    scope_count: int = 0
    found: list[Leaver] = field(default_factory=list)
    #: Those whose accounts end.
    chosen: list[User] = field(default_factory=list)

    @property
    def needs_confirmation(self) -> bool:
        """Whether more than a tenth would end."""
        return len(self.chosen) * MAX_SHARE > self.scope_count

    def require_confirmation(self, confirmed: int | None) -> None:
        """Raise TooManyLeavers unless the number was repeated where it must be, and is right where it was."""
        if confirmed is None and not self.needs_confirmation:
            return
        if confirmed != len(self.chosen):
            raise TooManyLeavers(len(self.chosen), self.scope_count, self.source, is_wrong=confirmed is not None)


def find_leavers(actor: Actor, source: str, options: LeaverOptions, present: Collection[int]) -> Leavers:
    """The people of the list `source` whose ids aren't `present`, within a transaction. Raises ValidationFailed."""
    leavers = Leavers(source, _end_of(options.last_day))
    people = User.objects.visible_to(actor).people().filter(imported_in__source=source).order_by("pk")
    rows = list(people.exclude(pk__in=people.ended().values("pk")).values_list("pk", "ends_at"))
    leavers.scope_count = len(rows)
    missing = set(present)
    gone = [pk for pk, end in rows if pk not in missing and (end is None or end > leavers.ends_at)]
    with rights_read_once():
        for start in range(0, len(gone), BATCH_SIZE):
            users = User.objects.filter(pk__in=gone[start : start + BATCH_SIZE]).with_roles().order_by("pk")
            leavers.found += [Leaver(user, _refusal(actor, user, leavers.ends_at)) for user in users]
        _refuse_last_super_administrators(leavers)
    leavers.chosen = [user for user in _endable(leavers) if _is_chosen(user, options)]
    _refuse_unknown(leavers, options)
    return leavers


def remember_people(source: str, user_ids: Collection[int]) -> None:
    """From now on they can be missing from a file of this list."""
    known = set(ImportedPerson.objects.filter(source=source).values_list("user", flat=True))
    new = [ImportedPerson(source=source, user_id=pk) for pk in user_ids if pk not in known]
    ImportedPerson.objects.bulk_create(new, batch_size=BATCH_SIZE, ignore_conflicts=True)


def _end_of(last_day: date | None) -> datetime:
    today = lab_day(timezone.now())
    if last_day is not None and last_day < today:
        raise ValidationFailed({"last_day": [f"The last day is over. Give today, {today}, or a later one."]})
    if last_day is not None:
        refuse_unlikely_day(last_day)
    return end_of_day(last_day or today)


def _refusal(actor: Actor, user: User, ends_at: datetime) -> str:
    """By the rules of `update_user`, which checks again."""
    if user.pk == actor.pk:
        return OWN_ACCOUNT
    changes = {"ends_at": (user.ends_at, ends_at)}
    try:
        authorize_field_changes(actor, user, changes)
        authorize_period(actor, user, changes)
    except DomainError as refused:
        return " ".join(refusal_sentences(refused, user))
    return ""


def _refuse_last_super_administrators(leavers: Leavers) -> None:
    """Each of several could end alone, but not all of them."""
    ending: list[int] = []
    for index, leaver in enumerate(leavers.found):
        if leaver.refusal or not leaver.user.is_super_administrator:
            continue
        try:
            require_remaining_super_administrator(without=[*ending, leaver.user.pk])
            ending.append(leaver.user.pk)
        except DomainError as refused:
            leavers.found[index] = Leaver(leaver.user, refused.message)


def _endable(leavers: Leavers) -> Sequence[User]:
    return [leaver.user for leaver in leavers.found if not leaver.refusal]


def _is_chosen(user: User, options: LeaverOptions) -> bool:
    if options.ticked is not None:
        return user.pk in options.ticked
    return user.username.lower() not in options.keep


def _refuse_unknown(leavers: Leavers, options: LeaverOptions) -> None:
    """A misspelt name would end the account that was to be kept."""
    unknown = sorted(options.keep - {leaver.user.username.lower() for leaver in leavers.found})
    if unknown:
        raise ValidationFailed({"keep": [f"{name!r} isn't among those who left. Check the name." for name in unknown]})
