"""Locks what an event of the ORM is about, before it says what is so after it.

Nothing else orders such events: a shell that gives a role has no need of the account's row, which a service may be
locking at the same moment. Read before that commits, the state would be older than its event, and whatever replays
the log would take the lock back.
"""

from collections.abc import Iterable

from django.db import connection, models

from audit.models import AuditLog
from audit.tracking.registry import registry, resource_name


def lock_subjects(events: Iterable[AuditLog]) -> None:
    """Wait for those who are changing these accounts or roles, and keep others from it until the transaction ends."""
    if not connection.features.has_select_for_update:
        return  # SQLite has one writer at a time
    stated = {resource_name(model): model for model, entry in registry.items() if entry.states}
    found: dict[type[models.Model], set[str]] = {}
    for event in events:
        if event.resource in stated:
            found.setdefault(stated[event.resource], set()).add(event.resource_id)
    # In one order, users before roles as services do: else two could wait for each other.
    for model in sorted(found, key=resource_name, reverse=True):
        rows = model._base_manager.filter(pk__in=found[model]).order_by("pk")
        list(rows.select_for_update(no_key=True).values_list("pk"))
