"""Queries on the audit log."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar

from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Cast, Lower

from audit.models.addresses import Network, NumericAddress, numeric_address
from audit.models.resources import RESOURCES
from audit.models.search import ContainsWords, FoldedColumn, contains_all_words, contains_each_word
from reprotech.core.normalization import fold_text, unicode_forms

if TYPE_CHECKING:
    from audit.models import AuditLog

#: What an erased account is called, which no person can choose; 18 digits fit into every database's ids.
ERASED_NAME = re.compile(r"erased:(\d{1,18})", re.ASCII)
#: Up to this number of events are checked one by one.
MAX_RARE_MATCHES = 1_000
#: Of `latest_around`.
INVOLVEMENTS = ("all", "by", "about")
#: The latest events of a user that are searched for sign-ins.
MAX_SEARCHED = 500


class AppendOnlyError(TypeError):
    """Code tried to change or delete an audit row."""

    def __init__(self) -> None:
        super().__init__("The audit log is append-only: its rows are never changed or deleted.")


Row = TypeVar("Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[Row]):
    """Reads and inserts; changes and deletions are refused."""

    def update(self, **_: object) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError

    def bulk_create(
        self,
        objs: Iterable[Row],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        *updates: Any,
        **more: Any,
    ) -> list[Row]:
        if any((*updates, *more.values())):
            raise AppendOnlyError
        return super().bulk_create(objs, batch_size, ignore_conflicts)

    def bulk_update(self, *_: object, **__: object) -> NoReturn:
        raise AppendOnlyError


def _is_sealed() -> Exists:
    # Not at the top: the ledger's models import this module.
    from audit.models.ledger import Leaf

    return Exists(Leaf.objects.filter(event_id=OuterRef("pk")))


def _events_about(user_id: int) -> Q:
    """Events about an account. Its denials were once filed under the resource of the missing permission."""
    number = str(user_id)
    path = rf"^(/api|/admin/accounts)?/users?/{number}(/|$)"
    other = [name for name in RESOURCES if name not in {"user", "role"}]
    refused = Q(resource__in=other, resource_id=number, action="access_denied", details__path__regex=path)
    return Q(resource="user", resource_id=number) | refused


class AuditLogQuerySet(AppendOnlyQuerySet["AuditLog"]):
    """Reads; writes go through `audit.services.record`."""

    #: `audit.tracking.events`, which records what django-auditlog saw; the app sets it at its start, since models know
    #: no package above them.
    recorder: ClassVar[Any]

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def by_user(self, name: str) -> Self:
        """Events under a user name, in any case; `erased:17` names the erased account with this id."""
        if found := ERASED_NAME.fullmatch(name.lower()):
            return self.filter(user_id=int(found[1]), username="")
        if connection.vendor == "sqlite" and not name.isascii():
            return self.alias(folded=FoldedColumn("username")).filter(folded=fold_text(name))
        forms = [form.lower() for form in unicode_forms(name)]
        lowered = self.alias(username_lower=Lower("username"))
        return lowered.filter(username_lower=forms[0]) if len(forms) == 1 else lowered.filter(username_lower__in=forms)

    def by_any_of(self, user_ids: Iterable[int], names: Iterable[str]) -> Self:
        """Events of these accounts, under whatever name, and under these names in lower case."""
        lowered = self.alias(username_lower=Lower("username"))
        return lowered.filter(Q(user_id__in=[*user_ids]) | Q(username_lower__in=[*names]))

    def without_reason(self, changes: Mapping[str, Iterable[str]]) -> Self:
        """What people changed, of these actions by resource, without saying why. An erased reason was one."""
        kinds = [Q(resource=resource, action__in=actions) for resource, actions in changes.items()]
        made = self.filter(reduce(or_, kinds), success=True, user_id__isnull=False)
        return made.exclude(details__has_key="reason_given")

    def from_network(self, network: Network) -> Self:
        first, last = str(network[0]), str(network[-1])
        if first == last:
            return self.filter(ip_address=first)
        if connection.vendor == "sqlite":
            bounds = (numeric_address(first), numeric_address(last))
            return self.alias(number=NumericAddress("ip_address")).filter(number__range=bounds)
        return self.filter(ip_address__gte=first, ip_address__lte=last)

    def mentioning(self, text: str) -> Self:
        """Events whose names and details contain each word of the text, or a word that begins with it."""
        if connection.vendor == "postgresql":
            return self.filter(ContainsWords(text))
        return self.alias(details_text=Cast("details", models.TextField())).filter(contains_each_word(text))

    def rare_ids(self, text: str, rarest: str) -> list[int] | None:
        """The ids of the same events if the rarest word occurs in few, None if in many.

        PostgreSQL would look up every word, and every word that begins with one.
        """
        rows = self.mentioning(rarest).order_by().annotate(has_all=contains_all_words(text))
        found = list(rows.values_list("pk", "has_all")[: MAX_RARE_MATCHES + 1])
        return None if len(found) > MAX_RARE_MATCHES else [pk for pk, has_all in found if has_all]

    def involving(self, user_id: int) -> Self:
        """What a user did, and what was done to their account, or was denied."""
        return self.filter(Q(user_id=user_id) | _events_about(user_id))

    def latest_around(self, user_id: int, count: int, involvement: str = "all") -> list["AuditLog"]:
        """The newest events by a user, about them, or both (INVOLVEMENTS), a query each, as an index answers it."""
        sides = {"by": self.filter(user_id=user_id), "about": self.filter(_events_about(user_id))}
        chosen = [rows for side, rows in sides.items() if involvement in {"all", side}]
        found = {row.pk: row for rows in chosen for row in rows.newest_first()[:count]}
        return [found[pk] for pk in sorted(found, reverse=True)][:count]

    def latest_sign_ins(self, user_id: int, count: int) -> "AuditLogQuerySet":
        """The newest sign-ins of a user, with those that failed, among their latest MAX_SEARCHED events.

        Without the limit PostgreSQL may read everybody's sign-ins to find those of a user who has none.
        """
        latest = self.filter(user_id=user_id).newest_first().values("pk")[:MAX_SEARCHED]
        return self.filter(pk__in=latest, action="login").newest_first()[:count]

    def sealed(self) -> Self:
        return self.filter(_is_sealed())

    def unsealed(self) -> Self:
        return self.filter(~_is_sealed())

    def with_copies(self) -> Self:
        """Events with `is_copy`: whether a row was inserted again, authentic by the original's code, but no event."""
        twins = self.model._default_manager.filter(
            timestamp=OuterRef("timestamp"), authentication=OuterRef("authentication")
        ).exclude(pk=OuterRef("pk"))
        return self.annotate(is_copy=Exists(twins.filter(Q(pk__lt=OuterRef("pk")) | _is_sealed())))

    def in_chunks(self, size: int = 2000) -> Iterator["AuditLog"]:
        """Events newest first, read `size` at a time by id.

        Neither this process nor the database holds more than a chunk, and no transaction stays open in between, as
        it would with a cursor that outlives its query.
        """
        rows = self.newest_first()
        chunk = list(rows[:size])
        while chunk:
            yield from chunk
            chunk = list(rows.filter(pk__lt=chunk[-1].pk)[:size]) if len(chunk) == size else []

    def sign_ins(self) -> Self:
        return self.filter(action="login")

    def bulk_create(self, objs: "Iterable[AuditLog]", *args: Any, **kwargs: Any) -> "list[AuditLog]":
        rows = list(objs)
        for row in rows:
            row.authenticate()
        return super().bulk_create(rows, *args, **kwargs)

    def log_create(self, *args: Any, **kwargs: Any) -> "AuditLog | None":
        """Record the change of a row. django-auditlog calls it by this name."""
        recorded: AuditLog | None = self.recorder.record_row(*args, **kwargs)
        return recorded

    def log_m2m_changes(self, *args: Any) -> "AuditLog | None":
        recorded: AuditLog | None = self.recorder.record_relation(*args)
        return recorded
