"""The usernames, e-mail addresses and full name by which the log knows one person, and since when each was theirs.

Erasing a person takes these out of the log, and nothing else: a part of a word, a name that other people have too, and
whatever was recorded before the name was this person's belong to someone else, or to nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import User
from audit.models import Action, AuditLog
from reprotech.core.normalization import fold_text

#: Filters of exports whose value can name a person. All others, such as an action or a role, never do.
IDENTIFYING_FILTERS = ("user", "search")


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Usernames and addresses in lower case, the folded full name if nobody else has it, each with its beginning."""

    sign_in: Mapping[str, datetime]
    full_name: Mapping[str, datetime]

    def are_named_in(self, column: str) -> Q:
        """Events whose column, in lower case, is a username or an address that was this person's by then."""
        named = [Q(**{column: name, "timestamp__gte": since}) for name, since in self.sign_in.items()]
        return Q(*named, _connector=Q.OR) if named else Q(pk=None)

    def rest_of(self, filters: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
        """The filters that someone used at this moment, without those that were exactly this person's identifiers."""
        return {
            name: value
            for name, value in filters.items()
            if name not in IDENTIFYING_FILTERS or not self._is(value, moment)
        }

    def _is(self, value: Any, moment: datetime) -> bool:
        text = " ".join(str(value).casefold().split())
        since = self.sign_in.get(text) or self.full_name.get(text)
        return since is not None and since <= moment


def find_identifiers(user: User) -> Identifiers:
    """By which words the log knows a user, from what it says of their account and from the account itself."""
    since: dict[str, datetime] = {}
    for moment, old, new in _recorded_names(user):
        since.setdefault(old.lower(), user.created_at)
        since.setdefault(new.lower(), moment)
    for name in (user.username, user.email):
        since.setdefault(name.lower(), user.created_at)
    for name in ("", *_names_of_others(user, since)):
        since.pop(name, None)
    return Identifiers(since, _own_full_name(user))


def _recorded_names(user: User) -> Iterable[tuple[datetime, str, str]]:
    """When a username or an address of the account was set, what it was before ("" for nothing) and after."""
    told = AuditLog.objects.filter(resource="user", resource_id=str(user.pk), action__in=[Action.CREATE, Action.UPDATE])
    for event in told.filter(success=True).order_by("pk").iterator():
        for field in ("username", "email"):
            if pair := event.changes.get(field):
                old, new = (value if isinstance(value, str) else "" for value in pair)
                yield event.timestamp, old, new


def _names_of_others(user: User, names: Iterable[str]) -> set[str]:
    """Those of the names that another account has now."""
    others = User.objects.exclude(pk=user.pk).annotate(name=Lower("username"), address=Lower("email"))
    taken = others.filter(Q(name__in=names) | Q(address__in=names)).values_list("name", "address")
    return {name for pair in taken for name in pair}


def _own_full_name(user: User) -> dict[str, datetime]:
    if not user.first_name or not user.last_name:
        return {}
    folded = " ".join(fold_text(user.full_name).split())
    namesakes = User.objects.exclude(pk=user.pk).filter(search_text__endswith=f"\n{folded}")
    return {} if namesakes.exists() else {folded: user.created_at}
