"""What analytics can be asked for."""

from django import forms

from reprotech.web.fields import IntegerParam
from reprotech.web.query_params import QueryParams

#: The dashboard's ranges: days, and what the switch calls them.
RANGES = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))


class AnalyticsQuery(QueryParams):
    """The number of days that the daily series go back."""

    days = IntegerParam(default=30, max_value=366)


class DashboardQuery(QueryParams):
    """One of the dashboard's ranges."""

    DEFAULT = 30

    days = forms.ChoiceField(required=False, choices=[(str(days), label) for days, label in RANGES])
