"""A clock that a test moves: for services, the log, seals, and queries that ask for the present time."""

from datetime import datetime, timedelta
from datetime import datetime as real_datetime

from django.utils import timezone


class _LikeDatetime(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, real_datetime)


class MovingClock:
    """It stands still between two moves, so that what is done at once has one time."""

    def __init__(self, monkeypatch, start: datetime) -> None:
        self.now = start
        clock = self

        class Datetime(metaclass=_LikeDatetime):
            @staticmethod
            def now(tz=None) -> datetime:
                return clock.now

        # Below `timezone.now` itself, to which fields keep a reference as their default.
        monkeypatch.setattr(timezone, "datetime", Datetime)

    def move(self, by: timedelta) -> None:
        self.now += by

    def move_to(self, moment: datetime) -> None:
        assert moment >= self.now
        self.now = moment
