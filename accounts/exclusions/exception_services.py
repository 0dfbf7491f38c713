"""Exceptions from exclusions: asked for by one person, approved by a second, ended by themselves."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.access.authorization import Target, authorize, service
from accounts.access.second_person import may_be_one_person
from accounts.core.exceptions import ApiKeyNotAllowed, SecondPersonRequired
from accounts.core.model_fields import stored_form
from accounts.exclusions.services import lock_exclusion, record_exclusion
from accounts.models import Exclusion, ExclusionException, User
from accounts.permissions import USER_READ
from accounts.segregation.locks import lock_rights_of_roles
from audit.models import Action
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound, ValidationFailed
from reprotech.core.reauthentication import require_recent_authentication
from reprotech.core.request_context import current_principal

#: What lasts longer is no exception: then the exclusion is wrong, or what the person does.
MAX_DURATION = timedelta(days=366)


@service
def ask_for_exception(
    *, actor: Actor, exclusion_id: int, user: str, reason: str, ends_at: datetime
) -> ExclusionException:
    """Ask that a person (username) may hold both sets until a moment. It counts once a second person approves it.

    Raises NotFound, Forbidden, ValidationFailed, or Conflict if the person has one already.
    """
    exclusion = lock_exclusion(actor, exclusion_id)
    authorize(actor, USER_READ, Target("exclusion", exclusion_id))
    require_recent_authentication()
    person = User.objects.visible_to(actor).filter(username__iexact=user.strip()).first()
    errors: dict[str, list[str]] = {}
    if person is None:
        errors["user"] = ["There is no user of this name."]
    now = timezone.now()
    if ends_at <= now:
        errors["ends_at"] = ["This is in the past. Choose a later day."]
    elif ends_at > now + MAX_DURATION:
        errors["ends_at"] = ["An exception lasts a year at most. Choose an earlier day."]
    reason = stored_form(ExclusionException, "reason", " ".join(reason.split()))
    try:
        ExclusionException._meta.get_field("reason").clean(reason, None)
    except ValidationError as error:
        errors["reason"] = list(error.messages) if reason else ["Say why this person may hold both."]
    if errors or person is None:
        raise ValidationFailed(errors)
    if exclusion.exceptions.open().filter(user=person).exists():
        sentence = f"{person.username} has an exception already, or one that waits. Withdraw it first."
        raise Conflict(sentence, {"user": [sentence]})
    exception = ExclusionException.objects.create(
        exclusion=exclusion, user=person, reason=reason, ends_at=ends_at, asked_by_id=actor.pk
    )
    _record(actor, exclusion, exception, "asked")
    return exception


@service
def approve_exception(*, actor: Actor, exclusion_id: int, exception_id: int) -> ExclusionException:
    """Let an exception count. Only a second person may: neither who asked for it nor whom it is for.

    Raises NotFound, Forbidden, ApiKeyNotAllowed, SecondPersonRequired, or Conflict if it has ended.
    """
    exclusion = lock_exclusion(actor, exclusion_id)
    # Nobody approves for a person whom they may not see, and the answer names them.
    authorize(actor, USER_READ, Target("exclusion", exclusion_id))
    exception = _find(exclusion, exception_id)
    if current_principal().api_key:
        raise ApiKeyNotAllowed
    if not is_second_person(actor, exception):
        raise SecondPersonRequired
    require_recent_authentication()
    if exception.has_ended:
        raise Conflict("This exception has ended. Ask for a new one.")
    if exception.approved_at is None:
        # Changes of rights are compared with it.
        lock_rights_of_roles()
        exception.approved_by_id, exception.approved_at = actor.pk, timezone.now()
        exception.save()
        _record(actor, exclusion, exception, "approved")
    return exception


def is_second_person(actor: Actor, exception: ExclusionException) -> bool:
    """Whether `actor` is someone else than who asked for it and whom it is for, as far as accounts can say."""
    if not isinstance(actor, User) or actor.is_service:
        return False
    first = [person for person in (exception.asked_by, exception.user) if person is not None]
    return not any(may_be_one_person(actor, person) for person in first)


@service
def withdraw_exception(*, actor: Actor, exclusion_id: int, exception_id: int) -> None:
    """End an exception before its time, or refuse one that waits. Raises NotFound or Forbidden."""
    exclusion = lock_exclusion(actor, exclusion_id)
    exception = _find(exclusion, exception_id)
    _record(actor, exclusion, exception, "withdrawn")
    exception.delete()


def _find(exclusion: Exclusion, exception_id: int) -> ExclusionException:
    exception = exclusion.exceptions.with_people().filter(pk=exception_id).first()
    if exception is None:
        raise NotFound("exception")
    return exception


def _record(actor: Actor, exclusion: Exclusion, exception: ExclusionException, step: str) -> None:
    # The person by id alone: their name couldn't be erased from it. The reason is that of the request.
    record_exclusion(
        actor,
        Action.UPDATE,
        exclusion,
        owner_id=exception.user_id,
        exception={
            "id": exception.pk,
            "step": step,
            "user_id": exception.user_id,
            "ends_at": exception.ends_at,
        },
    )
