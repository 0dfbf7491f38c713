"""Which changes of a table are captured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CapturedTable:
    """A table whose rows' changes are captured; names are of columns."""

    name: str
    key: str
    #: Updates of other columns are ignored.
    columns: tuple[str, ...]
    #: What a row is about, as (resource, column of its id); the first is what an event will be about.
    subjects: tuple[tuple[str, str], ...]
    are_deletions_captured: bool = True
    #: The deletion of rows that have a value here is ignored; "" for none.
    end_column: str = ""

    @property
    def all_columns(self) -> set[str]:
        ends = {self.end_column} if self.end_column else set()
        return {self.key, *self.columns, *ends, *(column for _, column in self.subjects)}
