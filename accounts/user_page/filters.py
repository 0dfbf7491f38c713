"""Query parameters of the lists on a person's page, which may have been opened from a list of users."""

from django import forms

from accounts.api_keys.filters import KeyFilter
from accounts.sessions.filters import OwnSessionFilter
from reprotech.web.query_params import QueryParams


class OpenedFrom(QueryParams):
    #: The query string of the list of users.
    list = forms.CharField(required=False, max_length=2000)


class UserSessionFilter(OpenedFrom, OwnSessionFilter):
    pass


class UserKeyFilter(OpenedFrom, KeyFilter):
    pass
