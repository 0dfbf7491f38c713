from django import forms

from reprotech.web.fields import IntegerParam
from reprotech.web.query_params import QueryParams

#: Days, and their label in the switch.
RANGES = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))
#: The same in a sentence: "No change in a year".
PERIODS = {**dict(RANGES), 365: "a year"}


class AnalyticsQuery(QueryParams):
    days = IntegerParam(default=30, max_value=366)


class DashboardQuery(QueryParams):
    DEFAULT = 30

    days = forms.ChoiceField(required=False, choices=[(str(days), label) for days, label in RANGES])
