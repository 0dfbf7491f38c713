"""Creating, changing, locking and deleting users."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import limits, session_cache
from accounts.authorization import (
    keep_a_super_administrator,
    recording_denials,
    require,
    require_all,
    service,
)
from accounts.errors import Conflict, Invalid, Missing
from accounts.mail import send_invitations
from accounts.models import Permission, Role, Session, User
from accounts.permissions import USER_CREATE, USER_DELETE, USER_UPDATE
from accounts.services.passwords import check_new_password, hash_password
from accounts.services.sessions import end_sessions
from audit.models import Action
from audit.services import Actor, Changes, record

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
    is_active: bool = True,
    must_change_password: bool = False,
) -> User:
    """Create a user with roles (given by name); without a password they get an invitation by e-mail.

    Raises Denied, Invalid, or Conflict when the name or address is taken.
    """
    require(actor, USER_CREATE)
    user = checked_user(
        password=password,
        username=username,
        email=email,
        first_name=first_name,
        last_name=last_name,
        is_active=is_active,
        must_change_password=must_change_password,
    )
    if password is not None:
        user.password = hash_password(password)
    return _store_user(actor=actor, user=user, roles=roles)


def checked_user(*, password: str | None, **fields: Any) -> User:
    """A user who isn't stored yet, with fields and password that meet the rules, but without a usable password.

    Raises Invalid with all that is wrong with the fields, or else with the password.
    """
    user = User(**{**fields, "email": User.objects.normalize_email(fields["email"])})
    _validate_fields(user)
    user.set_unusable_password()
    if password is not None:
        check_new_password(user, password, field="password")
        user.password_changed_at = timezone.now()
    return user


@service
def _store_user(*, actor: Actor, user: User, roles: Collection[str]) -> User:
    require(actor, USER_CREATE)
    granted = find_roles(roles)
    require_all(actor, permissions_of(granted))
    _refuse_taken_names(user)
    _save(user)
    user.roles.set(granted)
    _record(actor, Action.CREATE, user, creation_changes(user, granted))
    if not user.has_usable_password():
        send_invitations([user])
    return user


def creation_changes(user: User, granted: Iterable[Role]) -> Changes:
    """What the audit row of a new user tells."""
    changes: dict[str, tuple[Any, Any]] = {field: (None, getattr(user, field)) for field in PROFILE_FIELDS}
    return {**changes, "roles": ([], _names(granted))}


@service
def update_user(*, actor: Actor, user_id: int, roles: Collection[str] | None = None, **fields: Any) -> User:
    """Change profile fields (those of PROFILE_FIELDS) and roles (by name) of a user.

    One row tells of the fields, one of roles given, one of roles taken. Raises Missing, Denied, Invalid or Conflict.
    """
    user = lock_for_change(actor, user_id, USER_UPDATE)
    unknown = set(fields) - set(PROFILE_FIELDS)
    if unknown:
        raise TypeError(f"Not a field of a user: {', '.join(sorted(unknown))}.")
    if "email" in fields:
        fields["email"] = User.objects.normalize_email(fields["email"])
    changes = {name: (getattr(user, name), new) for name, new in fields.items() if getattr(user, name) != new}
    if changes:
        _change_fields(actor, user, changes)
    if roles is not None:
        _change_roles(actor, user, find_roles(roles))
    return user


def _change_fields(actor: Actor, user: User, changes: Changes) -> None:
    if "is_active" in changes and user.is_active:
        _refuse_own_account(actor, user, "deactivate")
        _disable(user)
    for name, (_, new) in changes.items():
        setattr(user, name, new)
    _validate_fields(user)
    _refuse_taken_names(user)
    _save(user)
    _record(actor, Action.UPDATE, user, changes)


def _change_roles(actor: Actor, user: User, wanted: list[Role]) -> None:
    held = list(user.roles.all())
    given = [role for role in wanted if role not in held]
    taken = [role for role in held if role not in wanted]
    require_all(actor, permissions_of(given), user)
    if any(role.is_super_admin for role in taken) and user.can_sign_in:
        keep_a_super_administrator(without=[user.pk])
    if not given and not taken:
        return
    user.roles.set(wanted)
    user.updated_at = timezone.now()
    user.save(update_fields=["updated_at"])
    vars(user).pop("grants", None)
    record_role_changes(actor, user, held, wanted)


def record_role_changes(actor: Actor, user: User, held: Iterable[Role], wanted: Iterable[Role]) -> None:
    """Put on record which roles a user was given, and which were taken, a row each."""
    before, after = set(_names(held)), set(_names(wanted))
    both = before | after
    if after - before:
        changes = {"roles": (sorted(before), sorted(both))}
        _record(actor, Action.ROLE_ASSIGN, user, changes, roles=sorted(after - before))
    if before - after:
        changes = {"roles": (sorted(both), sorted(after))}
        _record(actor, Action.ROLE_REVOKE, user, changes, roles=sorted(before - after))


@service
def lock_user(*, actor: Actor, user_id: int) -> User:
    """Keep a user out until they are unlocked, and end their sessions. Raises Missing, Denied or Conflict."""
    user = lock_for_change(actor, user_id, USER_UPDATE)
    _refuse_own_account(actor, user, "lock")
    if not user.is_locked:
        _disable(user)
        user.locked_at = timezone.now()
        _save(user)
        _record(actor, Action.LOCK, user, {"locked": (False, True)})
    return user


@service
def unlock_user(*, actor: Actor, user_id: int) -> User:
    """Let a user in again, also from a lockout by wrong guesses. Raises Missing or Denied."""
    user = lock_for_change(actor, user_id, USER_UPDATE)
    was_locked, user.locked_at = user.is_locked, None
    _save(user)
    _record(actor, Action.UNLOCK, user, {"locked": (was_locked, False)})
    transaction.on_commit(lambda: limits.forget_guesses(limits.user_counter(user.pk)))
    return user


@service
def delete_user(*, actor: Actor, user_id: int) -> None:
    """Take an account out of use for good. Its history stays, its username goes to nobody else.

    Raises Missing, Denied or Conflict.
    """
    user = lock_for_change(actor, user_id, USER_DELETE)
    _refuse_own_account(actor, user, "delete")
    _disable(user)
    held, was_active = _names(user.roles.all()), user.is_active
    user.roles.set([])
    user.deleted_at = timezone.now()
    user.is_active = False
    user.set_unusable_password()
    _save(user)
    _record(actor, Action.DELETE, user, {"roles": (held, []), "is_active": (was_active, False)})


def lock_for_change(actor: Actor, user_id: int, permission: str) -> User:
    """The user, locked until the transaction ends, if `actor` may change them: they hold no more than the actor.

    The order is always user before role, so that changes never wait for each other in a circle. Raises Denied or
    Missing.
    """
    require(actor, permission)
    user: User | None = User.objects.visible_to(actor).select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise Missing("user")
    require_all(actor, user.grants.permissions, user)
    session_cache.users_change([user.pk])
    return user


def find_roles(names: Collection[str]) -> list[Role]:
    """The roles of these names or slugs, with their permissions; raises Invalid naming the unknown ones."""
    found = {name: Role.objects.named(name) for name in names}
    unknown = [name for name, role in found.items() if role is None]
    if unknown:
        raise Invalid({"roles": [f"There is no role {name!r}." for name in unknown]})
    return sorted({role for role in found.values() if role}, key=lambda role: (role.position, role.name))


def _disable(user: User) -> None:
    """What locking, deactivating and deleting have in common, before the fields change; the caller saves."""
    if user.can_sign_in and user.is_super_administrator:
        keep_a_super_administrator(without=[user.pk])
    end_sessions(user_ids=[user.pk], reason=Session.EndReason.ACCOUNT_DISABLED)


def _refuse_own_account(actor: Actor, user: User, verb: str) -> None:
    if actor.pk == user.pk:
        raise Conflict(f"You can't {verb} your own account. Ask another administrator.")


def _validate_fields(user: User) -> None:
    try:
        user.clean_fields(exclude=["password", "search_text"])
    except ValidationError as error:
        raise Invalid(error.message_dict) from None


@dataclass(frozen=True, slots=True)
class TakenNames:
    """Usernames and addresses, in lower case, that accounts have.

    Deleted accounts keep their usernames. Nor may a username be another's address: both are typed to sign in.
    """

    usernames: frozenset[str]
    addresses: frozenset[str]

    def errors(self, user: User) -> dict[str, list[str]]:
        """What is wrong with a user's names, by field."""
        username, email = user.username.lower(), user.email.lower()
        errors = {}
        if username in self.usernames or username in self.addresses:
            errors["username"] = ["This username is taken."]
        if email in self.addresses or email in self.usernames:
            errors["email"] = ["This e-mail address is taken."]
        return errors


def taken_names(users: Iterable[User]) -> TakenNames:
    """Those of the users' names that other accounts have, in two queries for a few hundred users."""
    users = list(users)
    names = {name.lower() for user in users for name in (user.username, user.email)}
    others = User.objects.exclude(pk__in=[user.pk for user in users if user.pk])
    others = others.annotate(username_lower=Lower("username"), email_lower=Lower("email"))
    usernames = others.filter(username_lower__in=names).values_list("username_lower", flat=True)
    addresses = others.existing().filter(email_lower__in=names).values_list("email_lower", flat=True)
    return TakenNames(frozenset(usernames), frozenset(addresses))


def _refuse_taken_names(user: User) -> None:
    if errors := taken_names([user]).errors(user):
        raise Conflict(" ".join(sentence for sentences in errors.values() for sentence in sentences), errors)


def _save(user: User) -> None:
    user.updated_at = timezone.now()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        # Another request took the name between the check and now.
        raise Conflict("The username or e-mail address was taken a moment ago.") from None


def permissions_of(roles: Iterable[Role]) -> set[str]:
    """The names of the permissions that these roles give."""
    return set(Permission.objects.filter(roles__in=list(roles)).values_list("name", flat=True))


def _names(roles: Iterable[Role]) -> list[str]:
    return [role.name for role in roles]


def _record(actor: Actor, action: Action, user: User, changes: Changes, **details: Any) -> None:
    record(
        actor=actor,
        action=action,
        resource="user",
        resource_id=user.pk,
        resource_name=user.username,
        changes=changes,
        **details,
    )
