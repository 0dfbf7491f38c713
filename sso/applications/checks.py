"""What services check of an application before they save it: its fields, its name, its roles and its account."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.access.authorization import authorize, authorize_over
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


class Problems:
    """All that is wrong with an input, for one answer."""

    def __init__(self) -> None:
        self.errors: dict[str, list[str]] = {}
        self._is_invalid = False

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Note what is refused at a field, and go on."""
        try:
            yield
        except ValidationFailed as refusal:
            self._is_invalid = True
            self._add(refusal.errors)
        except Conflict as refusal:
            if not refusal.errors:
                raise
            self._add(refusal.errors)

    def _add(self, errors: Mapping[str, list[str]]) -> None:
        for name, sentences in errors.items():
            self.errors.setdefault(name, []).extend(sentences)

    def refuse(self) -> None:
        """Raise ValidationFailed, or Conflict if only the present state forbids it, unless there are none."""
        if self.errors and self._is_invalid:
            raise ValidationFailed(self.errors)
        if self.errors:
            raise Conflict(next(iter(self.errors.values()))[0], self.errors)


def find_account(username: str | None) -> User | None:
    """The service account of this name; raises ValidationFailed if there is none."""
    if not username:
        return None
    account: User | None = User.objects.existing().filter(username__iexact=username).first()
    if account is None:
        raise ValidationFailed({"service_account": [f"There is no user {username[:80]!r}."]})
    if not account.is_service:
        raise ValidationFailed({"service_account": ["Name a service account: people sign in themselves."]})
    return account


def lock_account(username: str | None) -> User | None:
    found = find_account(username)
    return User.objects.lock(found.pk) if found else None


def authorize_account(actor: Actor, application: Application, account: User, *, is_proven: bool) -> None:
    """With its secret an application acts as its account: so this is as making an API key for the account."""
    if not application.is_confidential:
        sentence = "A public application has no secret, and so can't act by itself."
        raise ValidationFailed({"service_account": [sentence]})
    if current_principal().api_key:
        # A key that gives itself another way in would outlive its own revocation.
        raise ApiKeyNotAllowed
    authorize(actor, USER_UPDATE, account)
    authorize_over(actor, account)
    if not is_proven:
        require_recent_authentication_for_tokens()


def lock_roles(names: Collection[str]) -> list[Role]:
    # So that none of them is deleted before it opens the application.
    openers = find_roles(names)
    locked = Role.objects.select_for_update(no_key=True).filter(pk__in=[role.pk for role in openers]).order_by("pk")
    if len(list(locked)) < len(openers):
        raise Conflict("Someone deleted one of these roles a moment ago. Try again.")
    return openers


def check_fields(
    problems: Problems,
    fields: ApplicationFields | Mapping[str, object],
    *,
    slug: str | None = None,
    application_id: int | None = None,
) -> dict[str, object]:
    """The values as they are stored; `slug` is that of a new application."""
    values: dict[str, object] = {**fields}
    for name in {"name", "description"} & values.keys():
        with problems.collect():
            values[name] = stored_form(Application, name, values[name])
    for name, check in CHECKS.items():
        if name in values:
            with problems.collect():
                values[name] = check(name, values[name])
    for name in values.keys() - problems.errors.keys():
        with problems.collect():
            _check_field(name, values[name])
    if slug is not None:
        with problems.collect():
            refuse_slug(slug)
    if "name" in values.keys() - problems.errors.keys():
        with problems.collect():
            _refuse_name(str(values["name"]), application_id)
    return values


def find_problems(values: Mapping[str, Any], application_id: int | None) -> Mapping[str, list[str]]:
    """What services would refuse of a body's fields, of which others are wrong already."""
    problems = Problems()
    fields = {name: value for name, value in values.items() if name in ApplicationFields.__annotations__}
    check_fields(problems, fields, slug=values.get("slug"), application_id=application_id)
    with problems.collect():
        find_roles(values.get("roles", ()))
    with problems.collect():
        find_account(values.get("service_account"))
    return problems.errors


def _check_field(name: str, value: object) -> None:
    try:
        Application._meta.get_field(name).clean(value, None)  # type: ignore[union-attr]  # none is a relation
    except ValidationError as error:
        raise ValidationFailed({name: error.messages}) from None


def save_application(application: Application) -> None:
    try:
        application.clean_fields(exclude=["client_id", "service_account"])
    except ValidationError as error:
        raise ValidationFailed(error.message_dict) from None
    try:
        with transaction.atomic():
            application.save()
    except IntegrityError as error:
        # A concurrent request took the name or the short name after our check.
        name, sentence = ("slug", SLUG_TAKEN) if "slug" in str(error) else ("name", NAME_TAKEN)
        raise Conflict(sentence, {name: [sentence]}) from None


def _refuse_name(name: str, application_id: int | None) -> None:
    others = Application.objects.exclude(pk=application_id or 0)
    if others.filter(name__iexact=name).exists():
        raise Conflict(NAME_TAKEN, {"name": [NAME_TAKEN]})
    looks = confusable_forms(name)
    for other in others.values_list("name", flat=True):
        if looks & confusable_forms(other):
            sentence = f"The application {other} exists already, and this name looks the same. Choose another."
            raise Conflict(sentence, {"name": [sentence]})
