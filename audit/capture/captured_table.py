"""What is captured of a table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CapturedTable:
    """A table whose rows' changes are captured; names are of columns."""

    name: str
    key: str
    #: An update of others is none of our business.
    columns: tuple[str, ...]
    #: What a row is about, as (resource, column of its id); the first is what an event will be about.
    subjects: tuple[tuple[str, str], ...]
    are_deletions_captured: bool = True
    #: Rows that have a value here may be deleted unnoticed; "" where there is no such column.
    end_column: str = ""

    @property
    def all_columns(self) -> set[str]:
        """Every column that a trigger names."""
        ends = {self.end_column} if self.end_column else set()
        return {self.key, *self.columns, *ends, *(column for _, column in self.subjects)}
