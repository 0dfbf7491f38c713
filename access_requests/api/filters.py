"""The filters of requests, the same for the API and the pages."""

from typing import Any

from django import forms

from access_requests.models import AccessRequest, AccessRequestQuerySet, State
from accounts.models import User
from reprotech.core.exceptions import NotFound
from reprotech.web.fields import ChoiceParam
from reprotech.web.pagination import ListFilter
from reprotech.web.query_params import QueryParams


class RequestFilter(ListFilter):
    """A page of requests, the latest first."""

    state = ChoiceParam(*State.values)
    mine = ChoiceParam("true", "false", help_text="`true`: those of the reader; `false`: those of others.")

    def __init__(self, data: Any = None, *, reader: User | None = None) -> None:
        super().__init__(data)
        self.reader = reader

    def apply(self, queryset: AccessRequestQuerySet) -> AccessRequestQuerySet:
        requests = queryset.order_by("-id")
        if state := self.value("state"):
            requests = requests.with_state(state)
        reader = self.reader.pk if self.reader else None
        if self.value("mine") == "true":
            return requests.filter(user=reader)
        return requests.exclude(user=reader) if self.value("mine") == "false" else requests


class RequestableFilter(QueryParams):
    permission = forms.CharField(required=False, max_length=64, help_text="Only the smallest roles that hold it.")


def find_request(reader: User, request_id: int) -> AccessRequest:
    """The request as `reader` may see it, or NotFound."""
    request: AccessRequest | None = AccessRequest.objects.visible_to(reader).with_people().filter(pk=request_id).first()
    if request is None:
        raise NotFound("request")
    return request
