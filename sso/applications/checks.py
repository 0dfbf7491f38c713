"""What services check of an application before they save it: its fields, its name, its roles and its account."""

from collections.abc import Callable, Collection
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.access.authorization import authorize
from accounts.core.confusables import confusable_forms
from accounts.core.exceptions import ApiKeyNotAllowed
from accounts.core.model_fields import stored_form
from accounts.models import Role, User
from accounts.permissions import USER_UPDATE
from accounts.roles.assignments import find_roles
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication_for_tokens
from reprotech.core.request_context import current_principal
from sso.applications.addresses import checked_addresses, checked_home_url, checked_logout_address
from sso.applications.slugs import SLUG_TAKEN, refuse_slug
from sso.models import Application

NAME_TAKEN = "There is an application of this name already."
#: What is stored of an address, or of several.
CHECKS: dict[str, Callable[[str, Any], object]] = {
    "redirect_uris": checked_addresses,
    "post_logout_redirect_uris": checked_addresses,
    "backchannel_logout_uri": checked_logout_address,
    "home_url": checked_home_url,
}


class ApplicationFields(TypedDict, total=False):
    name: str
    description: str
    home_url: str
    redirect_uris: Collection[str]
    post_logout_redirect_uris: Collection[str]
    backchannel_logout_uri: str
    signing_alg: str
    offline_access: bool
    device_grant: bool
    access_token_minutes: int
    is_active: bool


def lock_account(username: str | None) -> User | None:
    if not username:
        return None
    found = User.objects.existing().filter(username__iexact=username).first()
    account: User | None = User.objects.lock(found.pk) if found else None
    if account is None:
        raise ValidationFailed({"service_account": [f"There is no user {username[:80]!r}."]})
    if not account.is_service:
        raise ValidationFailed({"service_account": ["Name a service account: people sign in themselves."]})
    return account


def authorize_account(actor: Actor, application: Application, account: User, *, is_proven: bool) -> None:
    """With its secret an application acts as its account: so this is as making an API key for the account."""
    if not application.is_confidential:
        sentence = "A public application has no secret, and so can't act by itself."
        raise ValidationFailed({"service_account": [sentence]})
    if current_principal().api_key:
        # A key that gives itself another way in would outlive its own revocation.
        raise ApiKeyNotAllowed
    authorize(actor, USER_UPDATE, account)
    authorize(actor, account.grants.permissions, account)
    if not is_proven:
        require_recent_authentication_for_tokens()


def lock_roles(names: Collection[str]) -> list[Role]:
    # So that none of them is deleted before it opens the application.
    openers = find_roles(names)
    locked = Role.objects.select_for_update(no_key=True).filter(pk__in=[role.pk for role in openers]).order_by("pk")
    if len(list(locked)) < len(openers):
        raise Conflict("Someone deleted one of these roles a moment ago. Try again.")
    return openers


def checked_fields(fields: ApplicationFields, slug: str | None = None) -> dict[str, object]:
    """The values as they are stored; `slug` is that of a new application. Raises ValidationFailed or Conflict."""
    values: dict[str, object] = {**fields}
    for name in {"name", "description"} & values.keys():
        values[name] = stored_form(Application, name, values[name])
    # All that is wrong in one round.
    errors: dict[str, list[str]] = {}
    for name, check in CHECKS.items():
        if name in values:
            try:
                values[name] = check(name, values[name])
            except ValidationFailed as refusal:
                errors |= refusal.errors
    if slug is not None:
        try:
            refuse_slug(slug)
        except ValidationFailed as refusal:
            errors |= refusal.errors
    if errors:
        raise ValidationFailed(errors)
    return values


def save_application(application: Application, *, is_named: bool) -> None:
    try:
        application.clean_fields(exclude=["client_id", "service_account"])
    except ValidationError as error:
        raise ValidationFailed(error.message_dict) from None
    if is_named:
        _refuse_name(application)
    try:
        with transaction.atomic():
            application.save()
    except IntegrityError as error:
        # A concurrent request took the name or the short name after our check.
        name, sentence = ("slug", SLUG_TAKEN) if "slug" in str(error) else ("name", NAME_TAKEN)
        raise Conflict(sentence, {name: [sentence]}) from None


def _refuse_name(application: Application) -> None:
    others = Application.objects.exclude(pk=application.pk)
    if others.filter(name__iexact=application.name).exists():
        raise Conflict(NAME_TAKEN, {"name": [NAME_TAKEN]})
    looks = confusable_forms(application.name)
    for other in others.values_list("name", flat=True):
        if looks & confusable_forms(other):
            sentence = f"The application {other} exists already, and this name looks the same. Choose another."
            raise Conflict(sentence, {"name": [sentence]})
