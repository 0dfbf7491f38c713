"""Since when settings are in force, for the page and the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.conf import settings

from audit.models import ServerConfiguration


@dataclass(frozen=True, slots=True)
class Change:
    """When something changed, and the event of it; 0 where there is none."""

    at: datetime
    event: int = 0

    @classmethod
    def of(cls, stored: list[Any]) -> Self:
        return cls(datetime.fromisoformat(stored[0]), stored[1])


@dataclass(frozen=True, slots=True)
class History:
    """What is on record about this server's settings."""

    #: The last change that a start made, on this server or another; None before the first start is on record.
    last: Change | None
    #: By variable.
    changes: dict[str, Change]
    began: Change

    def since(self, name: str) -> Change:
        """When a setting got its value, or the start of the record, before which nothing is known."""
        return self.changes.get(name, Change(self.began.at))


def history() -> History:
    found = ServerConfiguration.objects.filter(pk=settings.INSTANCE).first()
    if found is None:  # the start isn't on record yet, or this is no server
        return History(None, {}, Change(settings.ENV.read_at))
    changes = {name: Change.of(stored) for name, stored in found.state["since"].items()}
    return History(Change(found.changed_at, found.event_id), changes, Change.of(found.state["began"]))
