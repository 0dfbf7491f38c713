"""Query parameters of the audit log: filters of the list, exports and proofs."""

from collections.abc import Mapping

from django import forms
from django.db import connection
from django.db.models import QuerySet
from django.utils.http import urlencode

from audit.models import AuditLog, Checkpoint
from audit.models.querysets import AuditLogQuerySet
from audit.models.search import estimated_rows, split_words
from audit.statistics import id_ranges
from reprotech.web import estimated_counts
from reprotech.web.fields import ByteOrderMarkParam, ChoiceParam, DateTimeParam, IntegerParam
from reprotech.web.ordering import Row
from reprotech.web.pagination import MAX_PER_PAGE, ListFilter
from reprotech.web.query_params import QueryParams


class AuditQuery(QueryParams):
    """Which events: by words, user, action, resource, address, outcome, time, request and session."""

    search = forms.CharField(required=False, max_length=200)
    user = forms.CharField(required=False, max_length=254)
    action = forms.CharField(required=False, max_length=32)
    resource = forms.CharField(required=False, max_length=32)
    resource_id = forms.CharField(required=False, max_length=64)
    ip_address = forms.GenericIPAddressField(
        required=False, unpack_ipv4=True, error_messages={"invalid": "Give an IP address such as 192.0.2.1."}
    )
    outcome = ChoiceParam("success", "failure")
    request_id = forms.CharField(required=False, max_length=64)
    #: The id of a user: what they did, and what was done to their account.
    involving = IntegerParam(default=None)
    session = forms.UUIDField(
        required=False, error_messages={"invalid": "Give a session's id such as 00000000-0000-4000-8000-000000000000."}
    )

    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        # "from" can't be the name of an attribute.
        self.fields["from"] = DateTimeParam(end_of_day=False)
        self.fields["to"] = DateTimeParam(end_of_day=True)

    @property
    def given(self) -> dict[str, str]:
        """The filters that were given, as typed."""
        return {name: self.data[name] for name in FILTER_NAMES if self.data.get(name)}

    @property
    def address(self) -> str:
        """The query string of the given filters alone."""
        return urlencode(self.given)

    def apply(self, queryset: AuditLogQuerySet) -> AuditLogQuerySet:
        lookups = {
            "action": self.value("action").lower(),
            "resource": self.value("resource").lower(),
            "resource_id": self.value("resource_id"),
            "ip_address": self.value("ip_address"),
            "request_id": self.value("request_id"),
            "session_id": self.value("session"),
            "timestamp__gte": self.value("from"),
            "timestamp__lte": self.value("to"),
        }
        rows: AuditLogQuerySet = queryset.filter(**{name: value for name, value in lookups.items() if value})
        if user := self.value("user"):
            rows = rows.by_user(user)
        if words := self.value("search"):
            rows = rows.mentioning(words)
        if user_id := self.value("involving"):
            rows = rows.involving(user_id)
        if outcome := self.value("outcome"):
            rows = rows.filter(success=outcome == "success")
        return rows.newest_first()


FILTER_NAMES = tuple(AuditQuery().fields)
#: Filters with an index of their own in the order of the list.
SORTED_INDEX_FILTERS = frozenset({"user", "action", "ip_address", "outcome", "session", "resource_id"})
#: Of these PostgreSQL also knows how often they go together: the statistics `audit_kinds`.
CORRELATED_FILTERS = frozenset({"action", "resource", "outcome"})
#: An estimate must exceed the counted events by this factor to be sure that there are more.
ESTIMATE_MARGIN = 4
#: Words of a search whose frequency PostgreSQL estimates, and the events that a rare one may be expected in.
MAX_WEIGHED_WORDS, MAX_RARE_ROWS = 3, 20_000


class AuditFilter(AuditQuery, ListFilter):
    """Filters and paging of the list."""

    #: The size of the whole log, read with the page's total.
    _extent: id_ranges.LogExtent | None = None
    #: The rarest of several words, if it is rare.
    _rarest: str | None = None

    def apply(self, queryset: AuditLogQuerySet) -> AuditLogQuerySet:
        """Bound a time range by ids too, in whose order the list is read."""
        rows = super().apply(queryset)
        begin, end = self.value("from"), self.value("to")
        ids = id_ranges.ids_between(begin, end) if begin or end else None
        if ids is None:
            return rows
        first, after = ids
        return rows.filter(pk__gte=first) if after is None else rows.filter(pk__gte=first, pk__lt=after)

    @property
    def cache_key(self) -> str:
        return f"events {self.given}"

    def maintained_count(self) -> int | None:
        self._extent = None if self.given else id_ranges.log_extent()
        return self._extent.events if self._extent else None

    def is_estimated_large(self, filtered: QuerySet[Row]) -> bool:
        """Words alone or several kinds: PostgreSQL would read all events with a frequent word, or thousands."""
        given = {*self.given}
        is_known = given == {"search"} or (len(given) > 1 and given <= CORRELATED_FILTERS)
        if connection.vendor != "postgresql" or not is_known:
            return False
        words = sorted(split_words(self.value("search")), key=len)[-MAX_WEIGHED_WORDS:]
        weighed = words if len(words) > 1 else []
        rows, *rows_of_words = estimated_rows(filtered, *(AuditLog.objects.mentioning(word) for word in weighed))
        fewest, rarest = min(zip(rows_of_words, weighed, strict=True), default=(0, None))
        self._rarest = rarest if fewest <= MAX_RARE_ROWS else None
        return rows > ESTIMATE_MARGIN * estimated_counts.MAX_COUNTED

    @property
    def has_matching_index(self) -> bool:
        return len(self.given) == 1 and not SORTED_INDEX_FILTERS.isdisjoint(self.given)

    def prefetched_ids(self, filtered: QuerySet[Row]) -> list[int] | None:
        if "search" not in self.given:
            return None
        few = AuditLog.objects.rare_ids(self.value("search"), self._rarest) if self._rarest else None
        if few is not None:
            return sorted(few, reverse=True)
        found = filtered.order_by().values_list("pk", flat=True)[: estimated_counts.MAX_COUNTED + 1]
        return sorted(found, reverse=True)

    def rows_by_id(self, filtered: QuerySet[Row], keys: list[int]) -> QuerySet[Row]:
        # To search for the words once more would take as long again.
        return filtered.model._default_manager.filter(pk__in=keys)

    def rows(self, filtered: QuerySet[Row], first: int, count: int) -> list[Row]:
        ids = id_ranges.ids_at(self._extent, first, count)
        return super().rows(filtered, first, count) if ids is None else list(filtered.filter(pk__in=ids))


class AuditPageFilter(AuditFilter):
    """The same for the page, where people choose the page size."""

    per_page = IntegerParam(default=25, max_value=MAX_PER_PAGE)


class AuditExport(AuditQuery):
    """Events for a file: filtered ones, or, in a bundle, those of a range of tree positions."""

    format = ChoiceParam("csv", "jsonl", "bundle")
    start = IntegerParam(min_value=0)
    end = IntegerParam()
    bom = ByteOrderMarkParam()

    def clean(self) -> dict[str, object]:
        if self.cleaned_data.get("bom") == "true" and self.cleaned_data.get("format") not in {"", "csv"}:
            self.add_error("bom", "Only CSV begins with a byte order mark.")
        for name in ("start", "end"):
            if self.cleaned_data.get(name) is not None:
                if self.cleaned_data.get("format") != "bundle":
                    self.add_error(name, "Only an export with format=bundle has places.")
                elif self.given:
                    self.add_error(name, "Give places or filters, not both.")
        return self.cleaned_data


class CheckpointFilter(ListFilter):
    """A page of checkpoints, newest first."""

    def apply(self, queryset: QuerySet[Checkpoint]) -> QuerySet[Checkpoint]:
        return queryset.order_by("-size")


class CheckpointQuery(QueryParams):
    """In which form to show a checkpoint."""

    format = ChoiceParam("json", "text")


class ProofQuery(QueryParams):
    """The checkpoint to prove an event under: that of `size` events, or the newest."""

    size = IntegerParam()


class ConsistencyQuery(QueryParams):
    """The sizes of two checkpoints, the older first."""

    to = IntegerParam(required=True)

    def clean(self) -> dict[str, object]:
        if self.cleaned_data.get("from", 0) > self.cleaned_data.get("to", self.cleaned_data.get("from", 0)):
            self.add_error("to", "Give a size that is not below “from”.")
        return self.cleaned_data


# A class body can't name an attribute `from`.
ConsistencyQuery.base_fields = {"from": IntegerParam(required=True), **ConsistencyQuery.base_fields}
