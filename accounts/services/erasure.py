"""Erasing a person on request: their account's data, and what the audit log tells of them."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import places
from accounts.authorization import require, service
from accounts.errors import Conflict, Missing
from accounts.models import OutgoingMail, Session, User
from accounts.permissions import USER_DELETE
from accounts.services.users import delete_user
from audit.append_only import ChangeRefused
from audit.erasure import Parts, erase_parts
from audit.keys import KeyRefused
from audit.models import Action, AuditLog
from audit.sealing import TreeDamaged
from audit.services import Actor


@service
def erase_person(*, actor: Actor, user_id: int) -> int:
    """Erase what tells who a user was; an account that still exists is deleted first, by the rules of `delete_user`.

    Their number stays, so that one can still tell events of one person from those of another. Their username is given
    free: nothing is left that a new holder could be confused with. Erasing again takes what has come since. Returns of
    how many events something was erased. Raises Missing, Denied or Conflict.
    """
    require(actor, USER_DELETE)
    user = User.objects.ever_visible_to(actor).select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise Missing("user")
    names = _names_of(user)
    parts = Parts(_events_by(user, names), _events_about(user, names))
    if user.deleted_at is None:
        delete_user(actor=actor, user_id=user.pk)
        user.refresh_from_db()
    _erase_account(user)
    try:
        return erase_parts(actor=actor, parts=parts, resource="user", resource_id=user.pk)
    except (KeyRefused, TreeDamaged, ChangeRefused) as refusal:
        raise Conflict(f"The audit log can't be changed now, so nothing was erased. {refusal}") from None


def _erase_account(user: User) -> None:
    # No name that a person can choose has a colon.
    user.username, user.email, user.first_name, user.last_name = f"erased:{user.pk}", "", "", ""
    user.last_login = None
    user.updated_at = timezone.now()
    user.set_unusable_password()
    user.save()
    user.password_history.all().delete()
    user.api_keys.all().delete()
    # Also one that was given up: it has their address, and may tell where they signed in.
    OutgoingMail.objects.filter(user=user).delete()
    Session.objects.filter(user=user).update(ip_address=None, user_agent="")
    places.take_down()


def _names_of(user: User) -> "Names":
    """Every username and address that the user has or had, without those that are another's now."""
    names = {user.username.lower(), user.email.lower()}
    told = AuditLog.objects.filter(resource="user", resource_id=str(user.pk), action__in=[Action.CREATE, Action.UPDATE])
    for details in told.order_by().values_list("details", flat=True).iterator():
        changes = details.get("changes") or {}
        values = [value for field in ("username", "email") for value in changes.get(field) or ()]
        names |= {value.lower() for value in values if isinstance(value, str)}
    others = User.objects.exclude(pk=user.pk).annotate(name=Lower("username"), address=Lower("email"))
    for taken in others.filter(Q(name__in=names) | Q(address__in=names)).values_list("name", "address"):
        names -= set(taken)
    people = {user.full_name.casefold(), user.first_name.casefold(), user.last_name.casefold()}
    return Names(names - {""}, people - {""})


class Names:
    """What a person is called: in sign-ins, and by people."""

    def __init__(self, sign_in: set[str], people: set[str]) -> None:
        self.sign_in, self.people = sign_in, people

    def occur_in(self, filters: Any) -> bool:
        """Whether someone looked for this person with these filters."""
        texts = [str(value).casefold() for value in filters.values()] if isinstance(filters, dict) else []
        return any(
            text in self.people or self.people & set(text.split()) or any(name in text for name in self.sign_in)
            for text in texts
        )


def _events_by(user: User, names: Names) -> Iterator[Any]:
    yield AuditLog.objects.filter(user_id=user.pk)
    # Failed sign-ins and requests for a link with one of their names, at a time when no account had it.
    refused = [Action.LOGIN, Action.PASSWORD_RESET]
    typed = AuditLog.objects.filter(user_id=None, action__in=refused, success=False)
    yield typed.alias(typed=Lower("username")).filter(typed__in=names.sign_in)


def _events_about(user: User, names: Names) -> Iterator[Any]:
    # An `erase` event names nobody.
    yield AuditLog.objects.filter(resource="user", resource_id=str(user.pk)).exclude(action=Action.ERASE)
    yield AuditLog.objects.filter(resource="factor", user_id=user.pk)
    named = AuditLog.objects.alias(named=Lower("resource_name")).filter(named__in=names.sign_in)
    yield named.filter(resource="session")
    yield named.filter(action=Action.ACCESS_DENIED, resource_id=str(user.pk))
    exports = AuditLog.objects.filter(action=Action.EXPORT).order_by().values_list("pk", "details")
    found = [pk for pk, details in exports.iterator() if names.occur_in(details.get("filters"))]
    yield AuditLog.objects.filter(pk__in=found)
