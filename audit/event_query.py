"""The filters of events, which the list, exports, reports and saved views share."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode

from audit.models.addresses import Network, parse_network
from audit.models.querysets import AuditLogQuerySet
from audit.models.usernames import names_beginning_with
from audit.presentation.event_words import Meaning, Search, read_search
from reprotech.core.actors import SignedInUser
from reprotech.core.normalization import normalize_text
from reprotech.web.fields import ChoiceParam, DateTimeParam, IntegerParam
from reprotech.web.query_params import QueryParams

#: Values of `last` and how far back they reach.
PERIODS = {
    "15m": timedelta(minutes=15),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
#: More accounts than this are too many to look up the events of each.
MAX_MATCHING_USERS = 100
MAX_ADDRESS_LENGTH = 49


class PeopleFinder(Protocol):
    """Finds accounts by a part of their names; the accounts app registers it, since the log knows no accounts."""

    def __call__(self, reader: SignedInUser, text: str, limit: int) -> list[tuple[int, str, str]]:
        """(id, username, full name) of up to `limit` accounts that the reader may know of."""


class NetworkParam(forms.CharField):
    """An IP address, its beginning, or a range in CIDR notation."""

    def clean(self, value: str | None) -> Network | None:
        try:
            return parse_network(value) if value else None
        except ValueError:
            raise forms.ValidationError(
                "Give an IP address such as 192.0.2.1, its beginning such as 192.0.2., or a range such as 192.0.2.0/24."
            ) from None


class AuditQuery(QueryParams):
    """Which events: by words, user, action, resource, address, outcome, time, request and session."""

    find_people: ClassVar[PeopleFinder] = staticmethod(lambda *_: [])

    search = forms.CharField(required=False, max_length=200)
    user = forms.CharField(required=False, max_length=254)
    #: A part of a person's name, or the beginning of a username in the log.
    user_contains = forms.CharField(required=False, max_length=100)
    action = forms.CharField(required=False, max_length=32)
    resource = forms.CharField(required=False, max_length=32)
    resource_id = forms.CharField(required=False, max_length=64)
    ip_address = NetworkParam(required=False)
    outcome = ChoiceParam("success", "failure")
    reason = ChoiceParam("missing", help_text="`missing`: changes that someone made without saying why.")
    request_id = forms.CharField(required=False, max_length=64)
    #: The id of a user: what they did, and what was done to their account.
    involving = IntegerParam(default=None)
    session = forms.UUIDField(
        required=False, error_messages={"invalid": "Give a session's id such as 00000000-0000-4000-8000-000000000000."}
    )
    #: Until now; `from` and `to` go first.
    last = ChoiceParam(*PERIODS, help_text="The time until now, unless `from` or `to` is given.")

    def __init__(self, data: Mapping[str, object] | None = None, reader: SignedInUser | None = None) -> None:
        super().__init__(data)
        self.reader = reader
        self.received_at = timezone.now()
        # "from" can't be the name of an attribute.
        self.fields["from"] = DateTimeParam(end_of_day=False)
        self.fields["to"] = DateTimeParam(end_of_day=True)
        #: (id, username, full name) of the accounts that `user_contains` means.
        self.people: list[tuple[int, str, str]] = []
        #: In lower case: theirs, and those in the log that begin with it.
        self.usernames: list[str] = []

    def clean_user_contains(self) -> str:
        text = normalize_text(str(self.cleaned_data["user_contains"])).strip()
        if text:
            self.people = self.find_people(self.reader, text, MAX_MATCHING_USERS + 1) if self.reader else []
            if len(self.people) > MAX_MATCHING_USERS:
                raise forms.ValidationError(f"More than {MAX_MATCHING_USERS} users match. Type more of the name.")
            own_names = (username.lower() for _, username, _ in self.people)
            self.usernames = sorted({*names_beginning_with(text), *own_names})
        return text

    @property
    def given(self) -> dict[str, str]:
        """The filters that were given, as typed."""
        has_dates = self.data.get("from") or self.data.get("to")
        ignored = {"last"} if has_dates else set()
        return {name: self.data[name] for name in FILTER_NAMES if self.data.get(name) and name not in ignored}

    @property
    def address(self) -> str:
        """The query string of the given filters alone."""
        return urlencode(self.given)

    @property
    def dated(self) -> dict[str, str]:
        """The same, with the moment from which `last` counts: for what is kept."""
        fixed = self.given
        if period := fixed.pop("last", ""):
            fixed["from"] = (self.received_at - PERIODS[period]).isoformat(timespec="seconds")
        return fixed

    @cached_property
    def words(self) -> Search:
        """The search, with the words of sentences read as kinds of events."""
        return read_search(str(self.value("search")))

    @property
    def begin(self) -> datetime | None:
        begin: datetime | None = self.value("from")
        if "last" in self.given:
            begin = self.received_at - PERIODS[self.value("last")]
        return begin

    def apply(self, queryset: AuditLogQuerySet) -> AuditLogQuerySet:
        lookups = {
            "action": self.value("action").lower(),
            "resource": self.value("resource").lower(),
            "resource_id": self.value("resource_id"),
            "request_id": self.value("request_id"),
            "session_id": self.value("session"),
            "timestamp__gte": self.begin,
            "timestamp__lte": self.value("to"),
        }
        rows: AuditLogQuerySet = queryset.filter(**{name: value for name, value in lookups.items() if value})
        rows = self._by_people(rows)
        if network := self.value("ip_address"):
            rows = rows.from_network(network)
        for meaning in self.words.meanings:
            rows = self.of_kind(rows, meaning)
        if self.words.rest:
            rows = rows.mentioning(self.words.rest)
        if outcome := self.value("outcome"):
            rows = rows.filter(success=outcome == "success")
        if self.value("reason"):
            rows = rows.without_reason(settings.REASON_CHANGES)
        return rows.newest_first()

    def of_kind(self, rows: AuditLogQuerySet, meaning: Meaning) -> AuditLogQuerySet:
        """Of a kind that the search names, perhaps among other words."""
        rows = rows.filter(action__in=meaning.actions) if meaning.actions else rows
        return rows if meaning.success is None else rows.filter(success=meaning.success)

    def _by_people(self, rows: AuditLogQuerySet) -> AuditLogQuerySet:
        if user := self.value("user"):
            rows = rows.by_user(user)
        if self.value("user_contains"):
            rows = rows.by_any_of((pk for pk, _, _ in self.people), self.usernames)
        if user_id := self.value("involving"):
            rows = rows.involving(user_id)
        return rows


FILTER_NAMES = tuple(AuditQuery().fields)
