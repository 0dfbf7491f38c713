"""Query parameters of the audit log: filters of the list, exports and proofs."""

from django.db import connection
from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Concat

from audit.event_query import AuditQuery
from audit.models import AuditLog, Checkpoint
from audit.models.querysets import AuditLogQuerySet
from audit.models.search import estimated_rows, split_words
from audit.models.usernames import latest_ids_of
from audit.presentation.event_words import Meaning
from audit.statistics import id_ranges
from reprotech.web import estimated_counts
from reprotech.web.estimated_counts import fence_index_scan
from reprotech.web.fields import ByteOrderMarkParam, ChoiceParam, IntegerParam
from reprotech.web.ordering import Row
from reprotech.web.pagination import MAX_PER_PAGE, ListFilter
from reprotech.web.query_params import QueryParams

#: Filters with an index of their own in the order of the list.
SORTED_INDEX_FILTERS = frozenset({"user", "action", "ip_address", "outcome", "session", "resource_id"})
#: Of these PostgreSQL also knows how often they go together: the statistics `audit_kinds`.
CORRELATED_FILTERS = frozenset({"action", "resource", "outcome"})
#: An estimate must exceed the counted events by this factor to be sure that there are more.
ESTIMATE_MARGIN = 4
#: Words of a search whose frequency PostgreSQL estimates, and the events that a rare one may be expected in.
MAX_WEIGHED_WORDS, MAX_RARE_ROWS = 3, 20_000
#: The events of each of several people that are merged for a page, and the ids that are sorted for one.
MAX_MERGED, MAX_SORTED = 1_000, 300_000
#: Words are found first where so many times as many events are of the kinds that the search names with them.
RARE_FACTOR = 4


class AuditFilter(AuditQuery, ListFilter):
    """Filters and paging of the list."""

    #: The size of the whole log, read with the page's total.
    _extent: id_ranges.LogExtent | None = None
    #: The rarest of several words, if it is rare.
    _rarest: str | None = None
    #: The ids that a search found, where it was searched for all of them.
    _found_ids: list[int] | None = None

    def apply(self, queryset: AuditLogQuerySet) -> AuditLogQuerySet:
        """Bound a time range by ids too, in whose order the list is read."""
        rows = super().apply(queryset)
        begin, end = self.begin, self.value("to")
        ids = id_ranges.ids_between(begin, end) if begin or end else None
        if ids is None:
            return rows
        first, after = ids
        return rows.filter(pk__gte=first) if after is None else rows.filter(pk__gte=first, pk__lt=after)

    def of_kind(self, rows: AuditLogQuerySet, meaning: Meaning) -> AuditLogQuerySet:
        if connection.vendor == "postgresql" and self.words.rest and meaning.actions:
            named, kind = AuditLog.objects.mentioning(self.words.rest), super().of_kind(AuditLog.objects.all(), meaning)
            words, of_kind, both = estimated_rows(named, kind, super().of_kind(named, meaning))
            if words * RARE_FACTOR < of_kind and both <= ESTIMATE_MARGIN * estimated_counts.MAX_COUNTED:
                # Without the kind's index: PostgreSQL would read all of it, and check the words of events once more.
                unindexed = rows.alias(kind=Concat("action", Value(""), output_field=TextField()))
                return super().of_kind(unindexed.filter(kind__in=meaning.actions), Meaning((), meaning.success))
        return super().of_kind(rows, meaning)

    @property
    def cache_key(self) -> str:
        return f"events {self.given}"

    def maintained_count(self) -> int | None:
        self._extent = None if self.given else id_ranges.log_extent()
        return self._extent.events if self._extent else None

    def is_estimated_large(self, filtered: QuerySet[Row]) -> bool:
        """Words alone or several kinds: PostgreSQL would read all events with a frequent word, or thousands."""
        given = {*self.given}
        is_kind = self.words.meanings and not self.words.rest and given <= CORRELATED_FILTERS | {"search"}
        is_known = is_kind or given == {"search"} or (given == {"user_contains"} and self.usernames)
        is_known = is_known or (len(given) > 1 and given <= CORRELATED_FILTERS)
        if connection.vendor != "postgresql" or not is_known:
            return False
        words = sorted(split_words(self.words.rest), key=len)[-MAX_WEIGHED_WORDS:]
        weighed = words if len(words) > 1 else []
        rows, *rows_of_words = estimated_rows(filtered, *(AuditLog.objects.mentioning(word) for word in weighed))
        fewest, rarest = min(zip(rows_of_words, weighed, strict=True), default=(0, None))
        self._rarest = rarest if fewest <= MAX_RARE_ROWS else None
        return rows > ESTIMATE_MARGIN * estimated_counts.MAX_COUNTED

    @property
    def has_matching_index(self) -> bool:
        network = self.value("ip_address")
        is_range = network is not None and network.num_addresses > 1
        return len(self.given) == 1 and not SORTED_INDEX_FILTERS.isdisjoint(self.given) and not is_range

    def prefetched_ids(self, filtered: QuerySet[Row]) -> list[int] | None:
        if not self.words.rest:
            return None
        is_all = not self.words.meanings
        few = AuditLog.objects.rare_ids(self.words.rest, self._rarest) if self._rarest and is_all else None
        found = filtered.order_by().values_list("pk", flat=True)[: estimated_counts.MAX_COUNTED + 1]
        self._found_ids = sorted(found if few is None else few, reverse=True)
        return self._found_ids

    def found_rows(self) -> AuditLogQuerySet | None:
        """The events that a search found, without searching once more."""
        return None if self._found_ids is None else AuditLog.objects.filter(pk__in=self._found_ids)

    def rows_by_id(self, filtered: QuerySet[Row], keys: list[int]) -> QuerySet[Row]:
        # To search for the words once more would take as long again.
        return filtered.model._default_manager.filter(pk__in=keys)

    def rows(self, filtered: QuerySet[Row], first: int, count: int) -> list[Row]:
        ids = id_ranges.ids_at(self._extent, first, count)
        if ids is None and connection.vendor == "postgresql":
            ids = self._ids_without_scan(filtered, first, count)
        return super().rows(filtered, first, count) if ids is None else list(filtered.filter(pk__in=ids))

    def _ids_without_scan(self, filtered: QuerySet[Row], first: int, count: int) -> list[int] | None:
        """For filters without an index in the order of the list: of people, or addresses, who were seen long ago alone,
        PostgreSQL would meet the first when it has read all that came later."""
        end = first + count
        if self.given.keys() == {"user_contains"} and end <= MAX_MERGED:
            return latest_ids_of((pk for pk, _, _ in self.people), self.usernames, end)[first:]
        if self.given.keys() == {"ip_address"} and not self.has_matching_index:
            (rows,) = estimated_rows(filtered)
            if rows <= MAX_SORTED:
                # The index of addresses has the ids too.
                return list(fence_index_scan(filtered).values_list("pk", flat=True)[first:end])
        return None


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
