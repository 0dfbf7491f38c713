"""Accounts and roles that another transaction is changing: what the database changed of them waits until that is over.

The event of such a change says what is so after it, and events are replayed by their ids. A service has the id of
its event before it commits: until then the row reads as it was before, and an event with a higher id would revert it.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection, models
from django.utils import timezone

from audit.capture.captured_tables import owner_field
from audit.models import CapturedChange
from audit.tracking.registry import resource_name, tracked_models

#: Nobody may keep a change out of the log by holding a lock: after this time it is recorded all the same.
LONGEST_WAIT = timedelta(minutes=1)


def lock_subjects(changes: Iterable[CapturedChange]) -> set[int]:
    """Lock what changes are about until the transaction ends; returns the ids of the changes that have to wait.

    It takes the locks that are free and waits for none: an erasure holds a row while it waits for the sealer.
    """
    if connection.vendor == "sqlite":
        return set()  # it has one writer at a time
    found: dict[type[models.Model], dict[str, list[CapturedChange]]] = {}
    by_resource = {resource_name(model): model for model, entry in tracked_models().items() if _is_subject(model)}
    for change in changes:
        resource, key = change.subject
        if key and resource in by_resource:
            found.setdefault(by_resource[resource], {}).setdefault(key, []).append(change)
    recent = timezone.now() - LONGEST_WAIT
    return {
        change.pk
        for model, by_key in found.items()
        for key in _locked_elsewhere(model, by_key)
        for change in by_key[key]
        if change.changed_at > recent
    }


def _is_subject(model: type[models.Model]) -> bool:
    return tracked_models()[model].states is not None and owner_field(model) is None


def _locked_elsewhere(model: type[models.Model], keys: Iterable[str]) -> set[str]:
    rows = model._base_manager.filter(pk__in=[*keys]).order_by("pk")
    free = rows.select_for_update(no_key=True, skip_locked=True)
    locked = {str(pk) for pk in free.values_list("pk", flat=True)}
    return {str(pk) for pk in rows.values_list("pk", flat=True)} - locked
