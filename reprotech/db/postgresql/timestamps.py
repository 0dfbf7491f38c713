"""Times that Python has none for, such as `infinity`, are read as others that are as far away.

Programs that use SQL write them, and PostgreSQL takes them. One such row would keep all that are read with it from
being read: lists, and changes and events that wait to be sealed.
"""

from datetime import MAXYEAR, MINYEAR, UTC, datetime, tzinfo
from functools import cache

from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap

#: So far within what Python has that other time zones and reckoning with days and years stay within it too.
EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@cache
def bounded_adapters(adapters: AdaptersMap, zone: tzinfo | None) -> AdaptersMap:
    """The same, with this reader of times."""

    class BoundedTimestampLoader(BaseTzLoader):  # type: ignore[misc]
        timezone = zone

        def load(self, data: Buffer) -> datetime:
            try:
                found: datetime = super().load(data)
            except DataError:
                text = bytes(data)
                return EARLIEST if text.startswith(b"-") or text.endswith(b"BC") else LATEST
            if MINYEAR < found.year < MAXYEAR:
                return found
            return EARLIEST if found.year == MINYEAR else LATEST

    bounded = AdaptersMap(adapters)
    bounded.register_loader("timestamptz", BoundedTimestampLoader)
    return bounded
