"""Erasing a person on request: their account's data, and what the audit log tells of them."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models.functions import Lower
from django.utils import timezone

from accounts.access.authorization import Target, authorize, service
from accounts.core.catalogue import PERMISSION_NAMES
from accounts.models import OutgoingMail, Role, Session, User
from accounts.permissions import USER_DELETE
from accounts.roles.assignments import permission_names_of
from accounts.user_list import page_index
from accounts.users.former_usernames import hash_usernames
from accounts.users.identifiers import Identifiers, find_identifiers
from accounts.users.services import delete_user
from audit.models import Action, AuditLog
from audit.retention.erasure import ErasureParts, erase_parts
from audit.sealing.append_only_triggers import ChangeRefused
from audit.sealing.sealer import LedgerCorrupted
from audit.sealing.signing_keys import SigningKeyError
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound
from reprotech.core.reauthentication import require_recent_authentication

#: Why the server doesn't erase where it uses the lesser of two database roles.
CANNOT_CHANGE_LOG = "The server's database role may not change the audit log."


def erasure_command_hint(username: str) -> str:
    """What to do where the server may not erase."""
    return (
        "Ask the person who runs the server to run, as the owner of the database's tables: reprotech erase_person "
        f"{shlex.quote(username)}"
    )


@service
def erase_personal_data(*, actor: Actor, user_id: int) -> int:
    """Erase what tells who a user was; an account that still exists is deleted first, by the rules of `delete_user`.

    Their number stays, so that one can still tell events of one person from those of another, and what events tell of
    other people stays too. Nobody else is ever given their usernames. Erasing again takes what has come since. Returns
    of how many events something was erased. Raises NotFound, Forbidden or Conflict.
    """
    user = User.objects.ever_visible_to(actor).lock(user_id)
    authorize(actor, USER_DELETE, Target("user", user_id))
    if user is None:
        raise NotFound("user")
    if user.deleted_at is not None:
        authorize(actor, _permissions_before_deletion(user), user)
        require_recent_authentication()
    who, username = find_identifiers(user), user.username
    exports, kept_filters = _exports_about(who)
    parts = ErasureParts(_events_by(user, who), [*_events_about(user, who), exports])
    if user.deleted_at is None:
        delete_user(actor=actor, user_id=user.pk)
        user.refresh_from_db()
    _erase_account(user)
    try:
        return erase_parts(actor=actor, parts=parts, resource="user", resource_id=user.pk, kept_filters=kept_filters)
    except ChangeRefused:
        raise Conflict(f"{CANNOT_CHANGE_LOG} Nothing was erased. {erasure_command_hint(username)}") from None
    except (SigningKeyError, LedgerCorrupted) as refusal:
        raise Conflict(f"The audit log can't be changed now, so nothing was erased. {refusal}") from None


def _permissions_before_deletion(user: User) -> set[str]:
    """What the roles permit that a deleted user held; everything where nobody can tell any more which these were."""
    told = AuditLog.objects.filter(resource="user", resource_id=str(user.pk), action=Action.DELETE, success=True)
    event = told.order_by("-pk").first()
    names = event.changes["roles"][0] if event and "roles" in event.changes else None
    roles = list(Role.objects.filter(name__in=names or ()))
    if names is None or len(roles) != len(names):
        return set(PERMISSION_NAMES)
    return permission_names_of(roles)


def _erase_account(user: User) -> None:
    if ":" not in user.username:
        hash_usernames(user)
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
    page_index.drop()


def _events_by(user: User, who: Identifiers) -> Iterator[Any]:
    yield AuditLog.objects.filter(user_id=user.pk)
    # Failed sign-ins and requests for a link with one of their names, while no account could be signed in to by it.
    refused = [Action.LOGIN, Action.PASSWORD_RESET]
    typed = AuditLog.objects.filter(user_id=None, action__in=refused, success=False).alias(typed=Lower("username"))
    yield typed.filter(who.are_named_in("typed"))


def _events_about(user: User, who: Identifiers) -> Iterator[Any]:
    # What an `erase` event may hold is what others looked for.
    yield AuditLog.objects.filter(resource="user", resource_id=str(user.pk)).exclude(action=Action.ERASE)
    yield AuditLog.objects.filter(resource="factor", user_id=user.pk)
    named = AuditLog.objects.alias(named=Lower("resource_name")).filter(who.are_named_in("named"))
    yield named.filter(resource="session")
    # Refusals were once filed under the resource of the missing permission.
    yield named.filter(action=Action.ACCESS_DENIED, resource_id=str(user.pk)).exclude(resource="role")


def _exports_about(who: Identifiers) -> tuple[Any, dict[str, dict[str, Any]]]:
    """Events that say that someone looked for exactly this person, and what else these said, by their ids.

    An event's filters are sealed as one: they go together, so the erasure's own event keeps the rest.
    """
    found, kept = [], {}
    events = AuditLog.objects.filter(action__in=[Action.EXPORT, Action.ERASE]).only(
        "pk", "action", "timestamp", "details"
    )
    for event in events.order_by("pk").iterator():
        told = _filters_of(event)
        moments = _moments_of(event, told)
        rest = {pk: who.rest_of(filters, moments.get(pk, event.timestamp)) for pk, filters in told.items()}
        if rest != told:
            found.append(event.pk)
            kept.update({pk: filters for pk, filters in rest.items() if filters})
    return AuditLog.objects.filter(pk__in=found), kept


def _filters_of(event: AuditLog) -> Mapping[str, dict[str, Any]]:
    """The filters of an export, by its id, or those that an erasure kept of other exports, by theirs."""
    filters = event.details.get("filters")
    if not isinstance(filters, dict):
        return {}
    if event.action == Action.EXPORT:
        return {str(event.pk): filters}
    return {pk: kept for pk, kept in filters.items() if isinstance(kept, dict)}


def _moments_of(event: AuditLog, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """When each of the exports was made whose filters an erasure kept."""
    if event.action == Action.EXPORT or not told:
        return {}
    rows = AuditLog.objects.filter(pk__in=[int(pk) for pk in told]).values_list("pk", "timestamp")
    return {str(pk): moment for pk, moment in rows}
