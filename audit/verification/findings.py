"""What a verification of the audit log finds: the kind of damage, the events, and a plain sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    ERASED = "erased"
    TREE = "tree"
    TRUNCATED = "truncated"
    CHECKPOINT = "checkpoint"
    KEY = "key"
    GUARD = "guard"
    CODE = "code"
    OLD_STATEMENT = "old_statement"


#: What may be wrong, or is easier to change than it should be, while the log itself is as it was sealed.
WARNINGS = frozenset({Kind.GUARD, Kind.CODE, Kind.OLD_STATEMENT})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where: event ids, or positions in the tree from `start` to `end` (excluded)."""

    kind: Kind
    sentence: str
    events: tuple[int, ...] = ()
    start: int | None = None
    end: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"

    @property
    def is_warning(self) -> bool:
        return self.kind in WARNINGS


def finding_at(kind: Kind, position: int, sentence: str, event_id: int | None = None) -> Finding:
    """A finding about one position in the tree, and the event there."""
    return Finding(kind, sentence, () if event_id is None else (event_id,), position, position + 1)


class IntervalSet:
    """A set of positions, stored as ranges: the millions of an archive take no more memory than one."""

    def __init__(self) -> None:
        self.count = 0
        self._runs: list[list[int]] = []

    def add(self, position: int) -> None:
        """Add a position; they come in ascending order."""
        self.count += 1
        if self._runs and self._runs[-1][1] == position:
            self._runs[-1][1] += 1
        else:
            self._runs.append([position, position + 1])

    def remove(self, start: int, end: int) -> None:
        """Remove the positions from `start` to `end` (excluded)."""
        left = []
        for first, last in self._runs:
            pieces = ([first, min(last, start)], [max(first, end), last])
            left += [piece for piece in pieces if piece[0] < piece[1]]
        self._runs = left
        self.count = sum(last - first for first, last in left)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((start, end) for start, end in self._runs)


def describe_range(start: int, end: int) -> str:
    return f"place {start}" if end - start == 1 else f"places {start} to {end - 1}"


def list_some(items: Sequence[object], limit: int) -> str:
    return ", ".join(map(str, items[:limit])) + (", …" if len(items) > limit else "")
