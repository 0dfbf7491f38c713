"""Erasing personal data on request, from the account and from the audit log."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.access.authorization import Target, authorize, reach_of, service
from accounts.access.role_granting import RoleGranting
from accounts.models import ExclusionException, OutgoingMail, Permission, Preferences, Role, Session, User
from accounts.permissions import USER_DELETE
from accounts.user_list import page_index
from accounts.users.services import delete_user
from accounts.users.uniqueness import hash_usernames
from audit.models import Action, AuditLog
from audit.models.querysets import AuditLogQuerySet
from audit.retention.erasure import ErasureParts, erase_parts
from audit.sealing.append_only_triggers import ChangeRefused
from audit.sealing.sealer import LedgerCorrupted
from audit.sealing.signing_keys import SigningKeyError
from reprotech.core.actors import Actor
from reprotech.core.exceptions import Conflict, NotFound
from reprotech.core.normalization import fold_text
from reprotech.core.reauthentication import require_recent_authentication

#: With two database roles, the server's may only insert into the audit log.
CANNOT_CHANGE_LOG = "The server's database role may not change the audit log."
#: Filters of exports whose value can identify a user, unlike an action or a role.
IDENTIFYING_FILTERS = ("user", "user_contains", "search")


#: What apps above erase of a person besides, within the same transaction.
ERASED_BY_OTHERS: list[Callable[[User], None]] = []


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Usernames and addresses in lower case and, if it is unique, the folded full name, each with its first moment.

    Erasure removes these and nothing else: a part of a word, a name that others have too, and what was recorded before
    the name was theirs may be about someone else.
    """

    sign_in: Mapping[str, datetime]
    full_name: Mapping[str, datetime]

    def matching(self, column: str) -> Q:
        """Events whose column, in lower case, is a username or an address that the user had by then."""
        conditions = [Q(**{column: name, "timestamp__gte": since}) for name, since in self.sign_in.items()]
        return Q(*conditions, _connector=Q.OR) if conditions else Q(pk=None)

    def without_identifiers(self, filters: Mapping[str, object], moment: datetime) -> dict[str, object]:
        rest = {}
        for name, value in filters.items():
            text = " ".join(str(value).casefold().split())
            since = self.sign_in.get(text) or self.full_name.get(text)
            if name not in IDENTIFYING_FILTERS or since is None or since > moment:
                rest[name] = value
        return rest


def erasure_command_hint(username: str) -> str:
    return (
        "Ask the person who runs the server to run, as the owner of the database's tables: reprotech erase_person "
        f"{shlex.quote(username)}"
    )


@service
def erase_personal_data(*, actor: Actor, user_id: int) -> int:
    """Erase what identifies a user; an account that still exists is deleted first, by the rules of `delete_user`.

    The id stays, so that events of one person can still be told from those of another, as does what events say of
    others. The usernames are never reused. Erasing again takes what was recorded since. Returns the number of events
    that were changed. Raises NotFound, Forbidden or Conflict.
    """
    user = User.objects.ever_visible_to(actor).lock(user_id)
    authorize(actor, USER_DELETE, Target("user", user_id))
    if user is None:
        raise NotFound("user")
    if user.deleted_at is not None:
        authorize(actor, _permissions_before_deletion(user), user)
        require_recent_authentication()
    # Searched before the account is erased: afterwards there is no name to look for.
    identifiers, username = find_identifiers(user), user.username
    exports, kept_filters = _exports_about(identifiers)
    parts = ErasureParts(_events_by(user, identifiers), [*_events_about(user, identifiers), exports])
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
    """The permissions of the roles that a deleted user had; all permissions where that can't be known any more."""
    deletions = AuditLog.objects.filter(resource="user", resource_id=str(user.pk), action=Action.DELETE, success=True)
    event = deletions.order_by("-pk").first()
    names = event.changes["roles"][0] if event and "roles" in event.changes else None
    roles = list(Role.objects.filter(name__in=names or ()))
    if names is None or len(roles) != len(names):
        return set(Permission.objects.values_list("name", flat=True))
    granting = RoleGranting.load()
    return {name for role in roles for name in reach_of(role, granting)}


def _erase_account(user: User) -> None:
    if ":" not in user.username:
        hash_usernames(user)
    # Usernames that people choose have no colon.
    user.username, user.email, user.first_name, user.last_name = f"erased:{user.pk}", "", "", ""
    user.last_login = None
    user.updated_at = timezone.now()
    user.set_unusable_password()
    user.save()
    user.password_history.all().delete()
    user.api_keys.all().delete()
    Preferences.objects.filter(user=user).delete()
    # Of someone without roles they allow nothing any more, and the reason may be private.
    ExclusionException.objects.filter(user=user).delete()
    # Also mail that was never delivered: it has the address, and may say where they signed in.
    OutgoingMail.objects.filter(user=user).delete()
    Session.objects.filter(user=user).update(ip_address=None, user_agent="")
    for erase in ERASED_BY_OTHERS:
        erase(user)
    page_index.drop()


def _events_by(user: User, identifiers: Identifiers) -> Iterator[AuditLogQuerySet]:
    yield AuditLog.objects.filter(user_id=user.pk)
    # Failed sign-ins and requests for a link by one of their names that no account could sign in with then.
    refused = [Action.LOGIN, Action.PASSWORD_RESET]
    typed = AuditLog.objects.filter(user_id=None, action__in=refused, success=False).alias(typed=Lower("username"))
    yield typed.filter(identifiers.matching("typed"))


def _events_about(user: User, identifiers: Identifiers) -> Iterator[AuditLogQuerySet]:
    # An `erase` event holds only filters of other people's exports.
    yield AuditLog.objects.filter(resource="user", resource_id=str(user.pk)).exclude(action=Action.ERASE)
    yield AuditLog.objects.filter(resource="factor", user_id=user.pk)
    # Why they were excepted from an exclusion, asked for a role, or kept or lost their access in a review.
    owned = ["exclusion", "review", "access_request"]
    yield AuditLog.objects.filter(resource__in=owned, details__owner_id=user.pk)
    named = AuditLog.objects.alias(named=Lower("resource_name")).filter(identifiers.matching("named"))
    yield named.filter(resource="session")
    # Refusals were once filed under the resource of the missing permission.
    yield named.filter(action=Action.ACCESS_DENIED, resource_id=str(user.pk)).exclude(resource="role")


def _exports_about(identifiers: Identifiers) -> tuple[AuditLogQuerySet, dict[str, dict[str, object]]]:
    """Exports that were filtered by exactly this person, and by event id their other filters.

    An event's filters are sealed as one: all are erased, and the erasure's own event keeps the rest.
    """
    ids: list[int] = []
    kept: dict[str, dict[str, object]] = {}
    events = AuditLog.objects.filter(action__in=[Action.EXPORT, Action.ERASE])
    for event in events.only("action", "timestamp", "details").order_by("pk").iterator():
        filters, moments = event.details.get("filters"), {}
        if not isinstance(filters, dict):
            continue
        if event.action == Action.EXPORT:
            by_id = {str(event.pk): filters}
        else:
            # Those that an erasure kept of exports, by the export's id.
            by_id = {pk: others for pk, others in filters.items() if isinstance(others, dict)}
            rows = AuditLog.objects.filter(pk__in=map(int, by_id)).values_list("pk", "timestamp")
            moments = {str(pk): moment for pk, moment in rows}
        rest = {
            pk: identifiers.without_identifiers(values, moments.get(pk, event.timestamp))
            for pk, values in by_id.items()
        }
        if rest != by_id:
            ids.append(event.pk)
            kept |= {pk: values for pk, values in rest.items() if values}
    return AuditLog.objects.filter(pk__in=ids), kept


def find_identifiers(user: User) -> Identifiers:
    since: dict[str, datetime] = {}
    events = AuditLog.objects.filter(resource="user", resource_id=str(user.pk), success=True)
    for event in events.filter(action__in=[Action.CREATE, Action.UPDATE]).order_by("pk").iterator():
        for field in ("username", "email"):
            old, new = (value if isinstance(value, str) else "" for value in event.changes.get(field, ("", "")))
            since.setdefault(old.lower(), user.created_at)
            since.setdefault(new.lower(), event.timestamp)
    for name in (user.username, user.email):
        since.setdefault(name.lower(), user.created_at)
    since.pop("", None)
    # A name that another account has too would erase events about that one.
    others = User.objects.exclude(pk=user.pk).annotate(name=Lower("username"), address=Lower("email"))
    for names in others.filter(Q(name__in=since) | Q(address__in=since)).values_list("name", "address"):
        for name in names:
            since.pop(name, None)
    return Identifiers(since, _own_full_name(user))


def _own_full_name(user: User) -> dict[str, datetime]:
    if not user.first_name or not user.last_name:
        return {}
    folded = " ".join(fold_text(user.full_name).split())
    namesakes = User.objects.exclude(pk=user.pk).filter(search_text__endswith=f"\n{folded}")
    return {} if namesakes.exists() else {folded: user.created_at}
