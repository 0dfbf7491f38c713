"""Carries out one entry of the file by the ordinary services, which change nothing that is as the entry says."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from accounts.access.authorization import SYSTEM
from accounts.exclusions import services as exclusion_services
from accounts.models import Exclusion, Role
from accounts.roles import services as role_services
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.desired_state.document import Entry
from reviews.models import Review, ScopeKind
from reviews.models.days import today
from reviews.opening import services as review_services
from sso.applications import services as application_services
from sso.applications.services import CreatedApplication
from sso.models import Application

#: Days that reviewers have, where the entry doesn't say.
DUE_DAYS, MAX_DUE_DAYS = 30, 366


def fields_of(entry: Entry, *others: str) -> dict[str, Any]:
    """What the entry gives, without these."""
    return {name: value for name, value in entry.items() if name not in {"absent", "reassign_to", *others}}


def is_absent(entry: Entry) -> bool:
    return bool(entry.get("absent"))


def apply_role(entry: Entry) -> None:
    """Create or change a role. Those that it `may_grant` may come later in the file: `apply_granting`."""
    role = Role.objects.named(entry["name"])
    if is_absent(entry):
        return
    if "reassign_to" in entry:
        raise ValidationFailed({"reassign_to": ["It goes with absent = true."]})
    if role is None:
        role_services.create_role(actor=SYSTEM, **fields_of(entry, "may_grant"))
    else:
        role_services.update_role(actor=SYSTEM, role_id=role.pk, **fields_of(entry, "name", "may_grant"))


def apply_granting(entry: Entry) -> None:
    """The roles that its holders may grant."""
    role = Role.objects.named(entry["name"])
    if role is not None and "may_grant" in entry and not is_absent(entry):
        role_services.update_role(actor=SYSTEM, role_id=role.pk, may_grant=entry["may_grant"])


def remove_role(entry: Entry) -> None:
    """Delete a role that is to be absent, after what named it was changed."""
    role = Role.objects.named(entry["name"])
    if role is not None and is_absent(entry):
        role_services.delete_role(actor=SYSTEM, role_id=role.pk, reassign_to=entry.get("reassign_to"))


def apply_exclusion(entry: Entry) -> None:
    name = " ".join(entry["name"].split()).casefold()
    exclusion = next((each for each in Exclusion.objects.all() if each.name.casefold() == name), None)
    if exclusion is None:
        if not is_absent(entry):
            missing = {field: ["Name at least one role or permission."] for field in ("set_a", "set_b")}
            if absent := {field: sentences for field, sentences in missing.items() if field not in entry}:
                raise ValidationFailed(absent)
            exclusion_services.create_exclusion(actor=SYSTEM, **fields_of(entry))
    elif is_absent(entry):
        exclusion_services.delete_exclusion(actor=SYSTEM, exclusion_id=exclusion.pk)
    else:
        exclusion_services.update_exclusion(actor=SYSTEM, exclusion_id=exclusion.pk, **fields_of(entry, "name"))


def apply_application(entry: Entry) -> CreatedApplication | None:
    """Returns a new application with its secret, "" for a public one."""
    application = Application.objects.filter(slug=entry["slug"]).first()
    if application is None:
        if is_absent(entry):
            return None
        if "name" not in entry:
            raise ValidationFailed({"name": ["Give a new application a name."]})
        return application_services.create_application(actor=SYSTEM, **fields_of(entry))
    if is_absent(entry):
        application_services.delete_application(actor=SYSTEM, application_id=application.pk)
        return None
    if entry.get("kind", application.kind) != application.kind:
        raise Conflict(f"It is {application.kind}, which can't be changed. Make it absent first, or use another slug.")
    application_services.update_application(
        actor=SYSTEM, application_id=application.pk, **fields_of(entry, "slug", "kind")
    )
    return None


def apply_review(entry: Entry) -> None:
    """Open a review that was never opened by this name, or change its latest round. Rounds that are over stay so."""
    name = " ".join(entry["name"].split())
    review = Review.objects.filter(name__iexact=name).order_by("-id").first()
    kind, roles = _scope(entry)
    given = fields_of(entry, "scope", "due_days", "name")
    if "every_months" in given:
        given["every_months"] = given["every_months"] or None  # 0: it happens once
    if review is None:
        due = today() + timedelta(days=_due_days(entry))
        review_services.open_review(actor=SYSTEM, name=name, scope_kind=kind, roles=roles, due=due, **given)
        return
    _refuse_other_scope(review, entry, kind, roles)
    if given.pop("if_unanswered", review.if_unanswered) != review.if_unanswered:
        raise Conflict("What becomes of unanswered lines can't be changed. Give it another name.")
    if review.is_closed and review.next_opens_on is None:
        return  # it was done
    if review.is_closed:
        given = {field: value for field, value in given.items() if field == "every_months"}
    review_services.update_review(actor=SYSTEM, review_id=review.pk, **given)


def _due_days(entry: Entry) -> int:
    days: int = entry.get("due_days", DUE_DAYS)
    if not 0 <= days <= MAX_DUE_DAYS:
        raise ValidationFailed({"due_days": [f"Give a number of days from 0 to {MAX_DUE_DAYS}."]})
    return days


def _scope(entry: Entry) -> tuple[str, list[str]]:
    """The kind and the roles of a scope such as `{roles: [names]}` or `{users: true}`."""
    scope = entry.get("scope", {})
    kinds = ", ".join(ScopeKind.values)
    if len(scope) != 1:
        raise ValidationFailed({"scope": [f"Give one of: {kinds}, such as {{ users = true }}."]})
    ((kind, value),) = scope.items()
    if kind == ScopeKind.ROLES:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise ValidationFailed({"scope": ['List the names of roles, such as { roles = ["Manager"] }.']})
        return kind, value
    if value is not True:
        raise ValidationFailed({"scope": [f"Give one of: {kinds}, such as {{ users = true }}."]})
    return kind, []


def _refuse_other_scope(review: Review, entry: Entry, kind: str, roles: list[str]) -> None:
    is_same = kind == review.scope_kind
    if is_same and kind == ScopeKind.ROLES:
        named = {role.pk for name in roles if (role := Role.objects.named(name))}
        is_same = named == {role.pk for role in review.roles.all()} and len(named) == len({*roles})
    if not is_same:
        raise Conflict(f"{entry['name']} was opened with another scope, which can't be changed. Give it another name.")


#: What is done for the entries of a section, one step after the other: a later one names what an earlier one made.
STEPS: tuple[tuple[str, Callable[[Entry], CreatedApplication | None]], ...] = (
    ("roles", apply_role),
    ("roles", apply_granting),
    ("exclusions", apply_exclusion),
    ("applications", apply_application),
    ("roles", remove_role),
    ("reviews", apply_review),
)


def needs_secret(entry: Mapping[str, Any]) -> bool:
    """Whether carrying it out gives an application a secret."""
    if is_absent(entry) or entry.get("kind", Application.Kind.CONFIDENTIAL) != Application.Kind.CONFIDENTIAL:
        return False
    return not Application.objects.filter(slug=entry["slug"]).exists()
