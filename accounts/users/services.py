from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.access.api_key_revocation import ACCOUNT_DELETED, revoke_keys_made_for_people_by, revoke_keys_of
from accounts.access.authorization import (
    authorize,
    authorize_closing,
    authorize_roles,
    require_remaining_super_administrator,
    service,
)
from accounts.access.optimistic_locking import refuse_stale_version
from accounts.access.row_locks import lock_for_change, lock_for_closing, lock_with_permission
from accounts.access.user_events import record_user
from accounts.core.model_fields import stored_form
from accounts.mfa.services import delete_factors
from accounts.models import EmailChange, Role, RoleGrant, Session, User
from accounts.notifications.services import send_email_changed, send_invitations
from accounts.passwords.services import hash_new_password, refuse_to_set_passwords
from accounts.periods.grants import NewGrant, forget_roles, grant_details, iso_time, new_grant
from accounts.permissions import USER_CREATE, USER_DELETE, USER_UPDATE
from accounts.roles.assignments import find_roles, in_order, role_names
from accounts.roles.grant_changes import (
    GrantChanges,
    apply_grant_changes,
    authorize_grant_changes,
    check_periods,
    grant_changes,
    last_ends,
    refuse_repeated,
    role_changes,
)
from accounts.segregation.checks import checked_rights, exclusion_details
from accounts.sessions.services import end_sessions
from accounts.users.account_period import (
    PERIOD_FIELDS,
    authorize_field_changes,
    authorize_period,
    awaits_invitation,
    changes_on_record,
    invitation_is_due,
    period_change,
    set_period,
)
from accounts.users.uniqueness import (
    build_user,
    refuse_former_usernames,
    refuse_taken_names,
    remember_former_username,
    validate_fields,
)
from audit.authorization import recording_denials
from audit.models import Action
from audit.services import Changes
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication

INVITATION_HINT = "Leave it out: an invitation to choose one is mailed then."
PROFILE_FIELDS = ("username", "email", "first_name", "last_name", "is_active")


@recording_denials
def create_user(
    *,
    actor: Actor,
    username: str,
    email: str,
    password: str | None = None,
    first_name: str = "",
    last_name: str = "",
    roles: Collection[str] = (),
    role_grants: Sequence[NewGrant] = (),
    is_active: bool = True,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    must_change_password: bool = False,
    is_service: bool = False,
) -> User:
    """Create a user with roles: by name for good, or for periods. Without a password they get an invitation by e-mail,
    the day before the account begins.

    A service account has no password and gets no invitation: API keys are its only way in.

    Raises Forbidden, ValidationFailed, or Conflict when the name or address is taken.
    """
    authorize(actor, USER_CREATE)
    if is_service and password is not None:
        raise ValidationFailed({"password": ["A service account has no password. Make an API key for it."]})
    if password is not None:
        refuse_to_set_passwords(actor, INVITATION_HINT)
    user = build_user(
        password=password,
        username=username,
        email=email,
        first_name=first_name,
        last_name=last_name,
        is_active=is_active,
        must_change_password=must_change_password,
        is_service=is_service,
    )
    authorize_period(actor, user, {"starts_at": (None, starts_at), "ends_at": (None, ends_at)})
    set_period(user, starts_at, ends_at)
    granted = [*(NewGrant(name) for name in roles), *role_grants]
    if password is not None:
        # Refuse before the expensive hash; `_store_user` checks again, as things may change while it is computed.
        _check_creation(actor, user, granted, has_password=True)
        user.password = hash_new_password(user, password, field="password")
        user.password_set_by_id = actor.pk
    return _store_user(actor=actor, user=user, wanted=granted)


@service
def _store_user(*, actor: Actor, user: User, wanted: Sequence[NewGrant]) -> User:
    authorize(actor, USER_CREATE)
    grants = _check_creation(actor, user, wanted, has_password=user.has_usable_password())
    if not invitation_is_due(user):
        user.invited_at = None
    _save(user)
    refuse_former_usernames([user])
    with checked_rights(actor, [user]) as warned:
        RoleGrant.objects.bulk_create(grants)
    changes = creation_changes(user, in_order(grant.role for grant in grants if grant.holds_now))
    details = {**grant_details(grants), **exclusion_details(warned.get(user.pk, []))}
    record_user(actor, Action.CREATE, user, changes=changes, **details)
    if user.invited_at is not None:
        send_invitations([user])
    return user


def _check_creation(actor: Actor, user: User, wanted: Sequence[NewGrant], *, has_password: bool) -> list[RoleGrant]:
    find_roles([grant.role for grant in wanted])  # names all that are unknown
    refuse_repeated(wanted)
    grants = [
        new_grant(actor, user, find_roles([grant.role])[0], **grant.period, reason=grant.reason) for grant in wanted
    ]
    beyond = authorize_roles(actor, last_ends(grants), is_service=user.is_service)
    check_periods(actor, grants)
    if beyond and has_password:
        raise ValidationFailed({"password": [f"{by_invitation_alone(beyond)} {INVITATION_HINT}"]})
    # As for assigning them later, so that a new account is no way round it.
    if grants:
        require_recent_authentication()
    refuse_taken_names(user)
    return grants


def by_invitation_alone(roles: Iterable[Role]) -> str:
    """Why the actor, who doesn't hold what these roles give, may not set the password of who gets them."""
    return f"You don't hold what {', '.join(role_names(roles))} gives, so you can't know this person's password."


def creation_changes(user: User, granted: Iterable[Role]) -> Changes:
    changes: dict[str, tuple[object, object]] = {field: (None, getattr(user, field)) for field in PROFILE_FIELDS}
    if user.is_service:
        changes["is_service"] = (None, True)
    changes |= {name: (None, iso_time(moment)) for name in ("starts_at", "ends_at") if (moment := getattr(user, name))}
    return {**changes, "roles": ([], role_names(granted))}


@service
def update_user(
    *,
    actor: Actor,
    user_id: int,
    roles: Collection[str] | None = None,
    role_grants: Sequence[NewGrant] | None = None,
    expected_versions: Collection[str] = (),
    **fields: object,
) -> User:
    """Change fields (those of PROFILE_FIELDS, and the account's period) and roles of a user.

    `roles` are the names of those that they hold from now on; `role_grants` replaces all grants, present and later.

    Fields, assigned and revoked roles get an audit event each. Raises NotFound, Forbidden,
    ValidationFailed, Conflict, or StaleVersion unless the user is still as one of `expected_versions`.
    """
    user = lock_with_permission(actor, user_id, USER_UPDATE)
    unknown = set(fields) - {*PROFILE_FIELDS, *PERIOD_FIELDS}
    if unknown:
        raise TypeError(f"Not a field of a user: {', '.join(sorted(unknown))}.")
    fields = {name: stored_form(User, name, value) for name, value in fields.items()}
    changes = {name: (getattr(user, name), new) for name, new in fields.items() if getattr(user, name) != new}
    wanted = _wanted_changes(actor, user, roles, role_grants)
    # Also of a whole record, as `PUT` sends it, only what changes counts.
    if not changes and fields.get("is_active") is False:
        authorize_closing(actor, user)
    elif changes or not wanted:
        authorize_field_changes(actor, user, changes)
    authorize_grant_changes(actor, user, wanted)
    refuse_stale_version(actor, user, expected_versions)
    if changes:
        _change_fields(actor, user, changes)
    apply_grant_changes(actor, user, wanted)
    return user


def _wanted_changes(
    actor: Actor, user: User, roles: Collection[str] | None, role_grants: Sequence[NewGrant] | None
) -> GrantChanges:
    if role_grants is not None:
        refuse_repeated(role_grants)
        return grant_changes(actor, user, role_grants)
    return GrantChanges() if roles is None else role_changes(actor, user, find_roles(roles))


def _change_fields(actor: Actor, user: User, changes: Changes, *, is_verified: bool = False) -> None:
    if "is_active" in changes and user.is_active:
        refuse_own_account(actor, user, "deactivate")
        revoke_access(actor, user)
    state = _change_period(actor, user, changes) if changes.keys() & PERIOD_FIELDS else {}
    if "email" in changes:
        require_recent_authentication()
        user.invited_at = None  # its link is void: it went to the earlier address
        user.email_verified_at = timezone.now() if is_verified else None
        if actor.pk not in {user.pk, None}:
            user.email_set_by_id = actor.pk
    was_pending = user.is_pending
    for name, (_, new) in changes.items():
        setattr(user, name, new)
    validate_fields(user)
    # It waited for the account to begin within a day.
    if invites := was_pending and awaits_invitation(user):
        user.invited_at = timezone.now()
    refuse_taken_names(user)
    _save(user)
    if invites:
        send_invitations([user])
    if "username" in changes:
        _retire_username(user, str(changes["username"][0]))
    record_user(actor, Action.UPDATE, user, changes={**changes_on_record(changes), **state})
    if "email" in changes:
        # The one that was just confirmed, or one whose link would undo this change.
        EmailChange.objects.filter(user=user).delete()
        send_email_changed(user, old=str(changes["email"][0]))


def _change_period(actor: Actor, user: User, changes: Changes) -> Changes:
    """Returns the change of the account's state; the times themselves are the caller's to set."""
    authorize_period(actor, user, changes)
    require_recent_authentication()
    was_within = user.is_within_period
    later = User(starts_at=user.starts_at, ends_at=user.ends_at)
    for name in changes.keys() & PERIOD_FIELDS:
        setattr(later, name, changes[name][1])
    set_period(later, later.starts_at, later.ends_at)
    if was_within and not later.is_within_period:
        refuse_own_account(actor, user, "end")
        revoke_access(actor, user)
    before, user.period_state, user.end_notice_at = user.period_state, later.period_state, later.end_notice_at
    return period_change(before, user.period_state)


def _retire_username(user: User, name: str) -> None:
    if name.lower() != user.username.lower():
        remember_former_username(user, name)
        refuse_former_usernames([user])


def check_email(user: User, address: str) -> None:
    """Raise ValidationFailed or Conflict unless the user could have this address; it is set, and not saved."""
    user.email = address
    validate_fields(user)
    refuse_taken_names(user)


def change_email(*, user: User, address: str) -> None:
    """Store the address that a user confirmed, as part of a transaction that has locked them. Raises Conflict."""
    _change_fields(user, user, {"email": (user.email, address)}, is_verified=True)


@service
def lock_user(*, actor: Actor, user_id: int) -> User:
    """Refuse sign-ins until the user is unlocked, and end their sessions. Raises NotFound, Forbidden or Conflict."""
    user = lock_for_closing(actor, user_id, USER_UPDATE)
    refuse_own_account(actor, user, "lock")
    # Locking twice would replace the time of the first, and record a change that is none.
    if not user.is_locked:
        revoke_access(actor, user)
        user.locked_at = timezone.now()
        _save(user)
        record_user(actor, Action.LOCK, user, changes={"locked": (False, True)})
    return user


@service
def unlock_user(*, actor: Actor, user_id: int) -> User:
    """Allow sign-ins again, also after too many failed attempts. Raises NotFound or Forbidden."""
    user = lock_for_change(actor, user_id, USER_UPDATE)
    # Also for a user who isn't locked: a new `unlocked_at` starts new counters of failed attempts.
    was_locked, user.locked_at, user.unlocked_at = user.is_locked, None, timezone.now()
    _save(user)
    record_user(actor, Action.UNLOCK, user, changes={"locked": (was_locked, False)})
    return user


@service
def delete_user(*, actor: Actor, user_id: int, expected_versions: Collection[str] = ()) -> None:
    """Take an account out of use for good. Its history stays, and its username is never reused.

    Raises NotFound, Forbidden, Conflict, or StaleVersion unless the user is still as one of `expected_versions`.
    """
    user = lock_for_change(actor, user_id, USER_DELETE)
    refuse_stale_version(actor, user, expected_versions)
    refuse_own_account(actor, user, "delete")
    require_recent_authentication()
    revoke_access(actor, user)
    # Read before they are removed: the event needs them, and erasing the account later reads it.
    held, was_active = role_names(user.roles.all()), user.is_active
    RoleGrant.objects.filter(user=user).delete()
    forget_roles(user)
    user.deleted_at = timezone.now()
    revoke_keys_of(actor, user, reason=ACCOUNT_DELETED)
    user.is_active = False
    user.set_unusable_password()
    delete_factors(user)
    _save(user)
    record_user(actor, Action.DELETE, user, changes={"roles": (held, []), "is_active": (was_active, False)})


def revoke_access(actor: Actor, user: User) -> None:
    """End the user's access. Call it before the fields change; the caller saves."""
    if user.can_sign_in and user.is_super_administrator:
        require_remaining_super_administrator(without=[user.pk])
    end_sessions(user_ids=[user.pk], reason=Session.EndReason.ACCOUNT_DISABLED)
    revoke_keys_made_for_people_by(actor, user)
    # Part of the links' MAC: those that were mailed before become void.
    user.link_number += 1
    user.invited_at = None
    EmailChange.objects.filter(user=user).delete()


def refuse_own_account(actor: Actor, user: User, verb: str) -> None:
    # Nobody else might be able to undo it.
    if actor.pk == user.pk:
        raise Conflict(f"You can't {verb} your own account. Ask another administrator.")


def _save(user: User) -> None:
    user.updated_at = timezone.now()
    # In a savepoint: after an error PostgreSQL would refuse the rest of the transaction.
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        # A concurrent request took the name after our check.
        raise Conflict("The username or e-mail address was taken a moment ago.") from None
