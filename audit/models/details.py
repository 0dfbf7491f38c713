"""The field of an event's details, which reads whatever the database holds.

The server's database role may insert rows, and so may those who have its password: one that can't be read must not keep
others from being read, shown and sealed. What was written by services is always an object.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models.fields.json import KeyTransform

#: Nothing that a service records, so a row with it is no authentic one.
UNREADABLE = {"unreadable": True}


class DetailsField(models.JSONField):
    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        try:
            found = super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):  # numbers of thousands of digits, or lists within lists
            found = None
        if isinstance(expression, KeyTransform) or isinstance(found, dict):
            return found
        return dict(UNREADABLE)

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        # As Django's own: the database sees no difference.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs
