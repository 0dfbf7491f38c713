"""Checks of what a review is opened or changed with."""

from collections.abc import Collection
from datetime import date, timedelta

from django.core.exceptions import ValidationError

from accounts.core.model_fields import stored_form
from accounts.models import Role, User
from accounts.roles.assignments import find_roles
from reprotech.core.exceptions import ValidationFailed
from reviews.models import IfUnanswered, Review, ScopeKind
from reviews.models.days import months_after, today
from reviews.permissions import SETTINGS_READ, USER_READ

MAX_REVIEWERS, MAX_MONTHS, MAX_DAYS = 50, 36, 366


def checked_name(name: str) -> str:
    stored = stored_form(Review, "name", " ".join(name.split()))
    try:
        Review._meta.get_field("name").clean(stored, None)
    except ValidationError as error:
        raise ValidationFailed({"name": list(error.messages)}) from None
    return stored


def checked_roles(scope_kind: str, names: Collection[str]) -> list[Role]:
    """The roles of a scope; raises ValidationFailed for unknown ones, none, and those of another scope."""
    if scope_kind not in ScopeKind.values:
        raise ValidationFailed({"scope": [f"Give one of: {', '.join(ScopeKind.values)}."]})
    if scope_kind != ScopeKind.ROLES:
        if names:
            raise ValidationFailed({"scope": ["Give roles, or users, keys or applications, but not both."]})
        return []
    if not names:
        raise ValidationFailed({"scope": ["Name at least one role."]})
    try:
        return find_roles(names)
    except ValidationFailed as refusal:
        raise ValidationFailed({"scope": refusal.errors["roles"]}) from None


def checked_reviewers(scope_kind: str, usernames: Collection[str]) -> list[User]:
    """The people of these usernames, who all can sign in and read what they are to review."""
    if len(set(usernames)) > MAX_REVIEWERS:
        raise ValidationFailed({"reviewers": [f"Name at most {MAX_REVIEWERS} people, or a role."]})
    found: dict[str, User] = {}
    for person in User.objects.existing().known_as_any(usernames).with_roles():
        found[person.username.lower()] = person
    wanted = {name.lower(): name for name in usernames}
    needed = {USER_READ} | ({SETTINGS_READ} if scope_kind == ScopeKind.APPLICATIONS else set())
    errors = [f"There is no user {name}." for lowered, name in wanted.items() if lowered not in found]
    reviewers = [found[name] for name in wanted if name in found]
    for person in reviewers:
        if person.is_service:
            errors.append(f"{person.username} is a service account: name a person.")
        elif not person.can_sign_in:
            errors.append(f"{person.username} can't sign in: name another person.")
        elif missing := sorted(needed - person.grants.permissions):
            errors.append(f"{person.username} lacks {missing[0]}, which reviewers need.")
    if errors:
        raise ValidationFailed({"reviewers": errors})
    return reviewers


def checked_reviewer_role(scope_kind: str, name: str | None) -> Role | None:
    if not name:
        return None
    role = Role.objects.named(name)
    if role is None:
        raise ValidationFailed({"reviewer_role": [f"There is no role {name!r}."]})
    needed = {USER_READ} | ({SETTINGS_READ} if scope_kind == ScopeKind.APPLICATIONS else set())
    if missing := sorted(needed - set(role.permission_names)):
        raise ValidationFailed({"reviewer_role": [f"{role.name} lacks {missing[0]}, which reviewers need."]})
    return role


def check_due(due: date) -> None:
    now = today()
    if due < now:
        raise ValidationFailed({"due": ["This day is over. Give today or a later day."]})
    if due > now + timedelta(days=MAX_DAYS):
        raise ValidationFailed({"due": ["Give a day within a year."]})


def check_recurrence(first: date, due: date, every_months: int | None) -> None:
    if every_months is None:
        return
    if not 1 <= every_months <= MAX_MONTHS:
        raise ValidationFailed({"every_months": [f"Give a number of months from 1 to {MAX_MONTHS}."]})
    if due >= months_after(first, every_months):
        raise ValidationFailed({"due": ["It must end before the next one begins. Give an earlier day."]})


def check_unanswered(scope_kind: str, if_unanswered: str) -> None:
    if if_unanswered not in IfUnanswered.values:
        raise ValidationFailed({"if_unanswered": [f"Give one of: {', '.join(IfUnanswered.values)}."]})
    if if_unanswered == IfUnanswered.LOCK and scope_kind not in {ScopeKind.USERS, ScopeKind.ROLES}:
        raise ValidationFailed({"if_unanswered": ["Only accounts can be locked. Choose keep or remove."]})
