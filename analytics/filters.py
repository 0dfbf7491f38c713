"""What analytics can be asked for."""

from reprotech.listing import Query, WholeNumberField


class AnalyticsQuery(Query):
    """The number of days that the daily series go back."""

    days = WholeNumberField(default=30, most=366)
