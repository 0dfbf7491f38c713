"""What is wrong with an account's fields and password, all of it at once."""

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from accounts.passwords.services import check_password_rules
from accounts.users.uniqueness import find_taken_names
from reprotech.core.exceptions import Conflict, ValidationFailed

Errors = dict[str, list[str]]


def build_user(*, password: str | None, **fields: object) -> User:
    """A user who isn't stored yet, with fields and password that meet the rules, but without a usable password.

    Raises ValidationFailed with all that is wrong with the fields and the password.
    """
    user = User(**fields)
    if errors := {**_field_errors(user), **_password_errors(user, password)}:
        raise ValidationFailed(errors)
    user.set_unusable_password()
    user.invited_at = timezone.now() if password is None and not user.is_service else None
    if password is not None:
        user.password_changed_at = timezone.now()
    return user


def find_errors(user: User, *, password: str | None = None) -> Errors:
    """What is wrong with a changed or new user and password, taken names among it, for a form to show at once."""
    errors = {**_field_errors(user), **_password_errors(user, password)}
    valid = {name: "" if name in errors else getattr(user, name) for name in ("username", "email")}
    [taken] = find_taken_names([User(pk=user.pk, **valid)])
    return {**taken, **errors}


def validate_fields(user: User) -> None:
    if errors := _field_errors(user):
        raise ValidationFailed(errors)


def refuse_taken_names(user: User) -> None:
    [errors] = find_taken_names([user])
    if errors:
        raise Conflict(" ".join(sentence for sentences in errors.values() for sentence in sentences), errors)


def _field_errors(user: User) -> Errors:
    try:
        user.clean_fields(exclude=["password", "search_text"])
    except ValidationError as error:
        errors: Errors = error.message_dict
        return errors
    return {}


def _password_errors(user: User, password: str | None) -> Errors:
    try:
        if password is not None:
            check_password_rules(user, password, field="password")
    except ValidationFailed as refusal:
        return refusal.errors
    return {}
