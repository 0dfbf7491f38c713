"""Warnings of changes that went through: what a service has to say besides its result.

Each interface shows them in one place: the API's views add `warnings` to their answer (`reprotech.api.viewsets`), pages
and Django admin show messages. A service only calls `add_warning`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

#: Named in a warning; the others are counted.
MAX_NAMED = 10


@dataclass(slots=True)
class ChangeWarning:
    """What a rule warns of: `conflicts` are the first of `total`."""

    rule: str
    sentence: Callable[[Sequence[Mapping[str, object]], int], str]
    conflicts: list[Mapping[str, object]]
    total: int

    @property
    def message(self) -> str:
        return self.sentence(self.conflicts, self.total)

    def as_dict(self) -> dict[str, object]:
        return {"message": self.message, "conflicts": self.conflicts, "total": self.total}


_collected: ContextVar[dict[str, ChangeWarning] | None] = ContextVar("change_warnings", default=None)


@contextmanager
def collected_warnings() -> Iterator[dict[str, ChangeWarning]]:
    """The warnings of the block, by their rule."""
    warnings: dict[str, ChangeWarning] = {}
    token = _collected.set(warnings)
    try:
        yield warnings
    finally:
        _collected.reset(token)


def add_warning(warning: ChangeWarning) -> None:
    """Keep a warning for the person who made the change; those of one rule become one."""
    warnings = _collected.get()
    if warnings is None:
        return
    if found := warnings.get(warning.rule):
        found.conflicts = [*found.conflicts, *warning.conflicts][:MAX_NAMED]
        found.total += warning.total
    else:
        warning.conflicts = warning.conflicts[:MAX_NAMED]
        warnings[warning.rule] = warning
