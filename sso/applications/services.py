"""Creates, changes and deletes applications, and gives them new secrets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Unpack

from django.utils import timezone

from accounts.access.authorization import authorize, service
from accounts.access.optimistic_locking import refuse_stale_version
from accounts.models import Role, User
from accounts.reauthentication.services import reauthenticate
from accounts.roles.assignments import find_roles, role_names
from audit.models import Action
from audit.services import Changes, record
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication
from sso.applications import own_permissions
from sso.applications.checks import (
    ApplicationFields,
    Problems,
    authorize_account,
    check_fields,
    lock_account,
    lock_roles,
    save_application,
)
from sso.applications.locks import lock_application
from sso.applications.secrets import hash_secret, new_secret
from sso.applications.sign_ins import Registered
from sso.models import Application
from sso.permissions import SETTINGS_UPDATE

MAX_KEEP_HOURS = 24
#: Fields in the order of the log's changes, but for roles and service account.
FIELDS = (
    *("name", "slug", "description", "home_url", "kind", "redirect_uris", "post_logout_redirect_uris"),
    *("backchannel_logout_uri", "signing_alg", "offline_access", "device_grant", "access_token_minutes"),
    "is_active",
)


@dataclass(frozen=True, slots=True)
class CreatedApplication:
    """A new application, or one with a new secret; the secret is "" for a public one."""

    application: Application
    client_secret: str


def create_application(
    *,
    actor: Actor,
    slug: str,
    kind: str = Application.Kind.CONFIDENTIAL,
    roles: Collection[str] = (),
    service_account: str | None = None,
    current_password: str = "",
    otp: str = "",
    **fields: Unpack[ApplicationFields],
) -> CreatedApplication:
    """Create an application that these roles open, everybody without any; `service_account` is a username.

    Raises Forbidden, ValidationFailed, or Conflict for a taken name or short name.
    """
    is_proven = _prove(actor, current_password, otp)
    return _store_application(
        actor=actor, slug=slug, kind=kind, roles=roles, service_account=service_account, is_proven=is_proven, **fields
    )


@service
def _store_application(
    *,
    actor: Actor,
    slug: str,
    kind: str,
    roles: Collection[str],
    service_account: str | None,
    is_proven: bool,
    **fields: Unpack[ApplicationFields],
) -> CreatedApplication:
    problems, account, openers = Problems(), None, list[Role]()
    with problems.collect():
        account = lock_account(service_account)
    authorize(actor, SETTINGS_UPDATE)
    with problems.collect():
        openers = find_roles(roles)
    values = check_fields(problems, fields, slug=slug)
    problems.refuse()
    application = Application(slug=slug, kind=kind, is_for_everybody=not openers, **values)
    if account:
        authorize_account(actor, application, account, is_proven=is_proven)
        application.service_account = account
    require_recent_authentication()
    secret = _give_secret(application) if application.is_confidential else ""
    save_application(application)
    application.roles.set(openers)
    changes: dict[str, tuple[object, object]] = {field: (None, getattr(application, field)) for field in FIELDS}
    changes |= {"roles": ([], role_names(openers)), "client_id": (None, application.client_id)}
    if account:
        changes["service_account"] = (None, account.username)
    _record(actor, Action.CREATE, application, changes)
    return CreatedApplication(application, secret)


def update_application(
    *,
    actor: Actor,
    application_id: int,
    roles: Collection[str] | None = None,
    service_account: str | None = None,
    expected_versions: Collection[str] = (),
    current_password: str = "",
    otp: str = "",
    **fields: Unpack[ApplicationFields],
) -> Application:
    """Change what is given; `service_account` "" takes the account away, and None leaves it.

    Raises NotFound, Forbidden, ValidationFailed, Conflict, or StaleVersion unless the application is still as one of
    `expected_versions`.
    """
    is_proven = _prove(actor, current_password, otp)
    return _change_application(
        actor=actor,
        application_id=application_id,
        roles=roles,
        service_account=service_account,
        expected_versions=expected_versions,
        is_proven=is_proven,
        **fields,
    )


@service
def _change_application(
    *,
    actor: Actor,
    application_id: int,
    roles: Collection[str] | None,
    service_account: str | None,
    expected_versions: Collection[str],
    is_proven: bool,
    **fields: Unpack[ApplicationFields],
) -> Application:
    problems, account, openers = Problems(), None, list[Role]()
    with problems.collect():
        account = lock_account(service_account)
    with problems.collect():
        openers = lock_roles(roles or ())
    application = lock_application(actor, application_id)
    refuse_stale_version(actor, application, expected_versions)
    values = check_fields(problems, fields, application_id=application.pk)
    problems.refuse()
    changes: dict[str, tuple[object, object]] = {}
    for name, new in values.items():
        if (old := getattr(application, name)) != new:
            changes[name] = (old, new)
            setattr(application, name, new)
    if service_account is not None and application.service_account != account:
        if account:
            authorize_account(actor, application, account, is_proven=is_proven)
        changes["service_account"] = (_username(application.service_account), _username(account))
        application.service_account = account
    before = list(application.roles.all())
    if roles is not None and {*openers} != {*before}:
        changes["roles"] = (role_names(before), role_names(openers))
        application.is_for_everybody = not openers
    if not changes:
        return application
    require_recent_authentication()
    save_application(application)
    if roles is not None:
        application.roles.set(openers)
    _record(actor, Action.UPDATE, application, changes)
    return application


@service
def delete_application(*, actor: Actor, application_id: int, expected_versions: Collection[str] = ()) -> None:
    """Delete an application and its permissions, but for those that roles hold: these are retired.

    People are signed out of it, and it is sent the logout notices for that, also after it is gone here.
    """
    application = lock_application(actor, application_id)
    refuse_stale_version(actor, application, expected_versions)
    require_recent_authentication()
    # First: the tokens of a sign-in are issued with its row locked, and an event is recorded afterwards.
    Registered.end_sign_ins(actor, application)
    own_permissions.replace_permissions(actor, application, [])
    # First: deleting it removes the roles that the event lists.
    changes: dict[str, tuple[object, object]] = {field: (getattr(application, field), None) for field in FIELDS}
    changes["roles"] = (application.role_names, [])
    _record(actor, Action.DELETE, application, changes)
    application.delete()


def renew_secret(
    *, actor: Actor, application_id: int, keep_old_hours: int = 0, current_password: str = "", otp: str = ""
) -> CreatedApplication:
    """Give a confidential application a new secret; the old one stays good for so many hours, 24 at most."""
    is_proven = _prove(actor, current_password, otp)
    return _store_secret(actor=actor, application_id=application_id, keep_old_hours=keep_old_hours, is_proven=is_proven)


@service
def _store_secret(*, actor: Actor, application_id: int, keep_old_hours: int, is_proven: bool) -> CreatedApplication:
    application = lock_application(actor, application_id)
    if not application.is_confidential:
        raise Conflict("A public application has no secret: it runs where no secret stays one.")
    if not 0 <= keep_old_hours <= MAX_KEEP_HOURS:
        raise ValidationFailed({"keep_old_hours": [f"Give a number of hours from 0 to {MAX_KEEP_HOURS}."]})
    if application.service_account:
        authorize_account(actor, application, application.service_account, is_proven=is_proven)
    require_recent_authentication()
    secret = _give_secret(application, keep_old_hours)
    application.save()
    _record(actor, Action.UPDATE, application, concealed=["secret_hash"], kept_hours=keep_old_hours)
    return CreatedApplication(application, secret)


def _prove(actor: Actor, password: str, otp: str) -> bool:
    # It hashes: never inside a transaction.
    if not password or not isinstance(actor, User):
        return False
    service(authorize)(actor=actor, needed=SETTINGS_UPDATE)
    reauthenticate(actor=actor, password=password, otp=otp, action=Action.UPDATE)
    return True


def _give_secret(application: Application, keep_old_hours: int = 0) -> str:
    secret, now = new_secret(), timezone.now()
    application.previous_secret_hash = application.secret_hash if keep_old_hours else ""
    application.previous_secret_expires_at = now + timedelta(hours=keep_old_hours) if keep_old_hours else None
    application.secret_hash, application.secret_created_at = hash_secret(secret), now
    return secret


def _username(account: User | None) -> str | None:
    return account.username if account else None


def _record(
    actor: Actor, action: Action, application: Application, changes: Changes | None = None, **details: Any
) -> None:
    record(
        actor=actor,
        action=action,
        resource="application",
        resource_id=application.pk,
        resource_name=application.name,
        changes=changes,
        **details,
    )
