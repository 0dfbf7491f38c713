"""Messages of success that can undo what they report."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Undo:
    """The form that the toast carries: posted to an ordinary page, which authorizes and records as always.

    It waits in the session's cookie: nothing secret, and no more than some hundred values.
    """

    path: str
    fields: Mapping[str, str | list[int] | list[str]] = field(default_factory=dict)

    @property
    def inputs(self) -> list[tuple[str, str | int]]:
        """The names and values of its hidden fields."""
        values = ((name, [given] if isinstance(given, str) else given) for name, given in self.fields.items())
        return [(name, value) for name, listed in values for value in listed]


def add_toast(request: HttpRequest, level: int, sentence: str, undo: Undo | None = None) -> None:
    """A message with a button "Undo", if there is an `undo`."""
    tags = json.dumps(asdict(undo), separators=(",", ":")) if undo else ""
    messages.add_message(request, level, sentence, extra_tags=tags)


def undo_of(message: Message) -> Undo | None:
    # Other code may give a message tags that are words.
    if not (message.extra_tags or "").startswith("{"):
        return None
    return Undo(**json.loads(message.extra_tags))
