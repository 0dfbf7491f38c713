"""The usernames, addresses and full name that identify one user in the audit log, and since when.

Erasure removes these and nothing else: a part of a word, a name that others have too, and what was recorded before the
name was theirs may be about someone else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import User
from audit.models import Action, AuditLog
from reprotech.core.normalization import fold_text

#: Filters of exports whose value can identify a user, unlike an action or a role.
IDENTIFYING_FILTERS = ("user", "search")


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Usernames and addresses in lower case and, if it is unique, the folded full name, each with its first moment."""

    sign_in: Mapping[str, datetime]
    full_name: Mapping[str, datetime]

    def matching(self, column: str) -> Q:
        """Events whose column, in lower case, is a username or an address that the user had by then."""
        conditions = [Q(**{column: name, "timestamp__gte": since}) for name, since in self.sign_in.items()]
        return Q(*conditions, _connector=Q.OR) if conditions else Q(pk=None)

    def without_identifiers(self, filters: Mapping[str, object], moment: datetime) -> dict[str, object]:
        return {
            name: value
            for name, value in filters.items()
            if name not in IDENTIFYING_FILTERS or not self._is(value, moment)
        }

    def _is(self, value: object, moment: datetime) -> bool:
        text = " ".join(str(value).casefold().split())
        since = self.sign_in.get(text) or self.full_name.get(text)
        return since is not None and since <= moment


def find_identifiers(user: User) -> Identifiers:
    since: dict[str, datetime] = {}
    for moment, old, new in _recorded_names(user):
        since.setdefault(old.lower(), user.created_at)
        since.setdefault(new.lower(), moment)
    for name in (user.username, user.email):
        since.setdefault(name.lower(), user.created_at)
    # A name that another account has too would erase events about that one.
    for name in ("", *_names_of_others(user, since)):
        since.pop(name, None)
    return Identifiers(since, _own_full_name(user))


def _recorded_names(user: User) -> Iterable[tuple[datetime, str, str]]:
    """When a username or an address was set, its value before ("" for none) and after."""
    events = AuditLog.objects.filter(
        resource="user", resource_id=str(user.pk), action__in=[Action.CREATE, Action.UPDATE]
    )
    for event in events.filter(success=True).order_by("pk").iterator():
        for field in ("username", "email"):
            if pair := event.changes.get(field):
                old, new = (value if isinstance(value, str) else "" for value in pair)
                yield event.timestamp, old, new


def _names_of_others(user: User, names: Iterable[str]) -> set[str]:
    others = User.objects.exclude(pk=user.pk).annotate(name=Lower("username"), address=Lower("email"))
    taken = others.filter(Q(name__in=names) | Q(address__in=names)).values_list("name", "address")
    return {name for pair in taken for name in pair}


def _own_full_name(user: User) -> dict[str, datetime]:
    if not user.first_name or not user.last_name:
        return {}
    folded = " ".join(fold_text(user.full_name).split())
    namesakes = User.objects.exclude(pk=user.pk).filter(search_text__endswith=f"\n{folded}")
    return {} if namesakes.exists() else {folded: user.created_at}
