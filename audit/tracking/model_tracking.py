"""Records changes of tracked models that no service recorded: in a shell, a command, a fixture or other code.

django-auditlog notices changes of the models registered here (`track`), compares old and new, and hands the result to
`AuditLog.objects` (AUDITLOG_LOGENTRY_MODEL); `audit.tracking.events` makes an event of it. Services record explicitly,
in better words, within `explicitly_recorded`; listeners (`on_change`) hear of their changes too. What sends no signals
(raw SQL, rows of a relation's `through` table, historical models of migrations) isn't seen here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from auditlog.context import auditlog_disabled
from auditlog.registry import auditlog
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save

from audit.models import Action
from audit.tracking import events as tracking_events
from audit.tracking.registry import Tracked, column_field, registry

#: Rows that are compared and recorded at a time.
BATCH_SIZE = 500
# PostgreSQL's SQLSTATE unique_violation.
UNIQUE_VIOLATION = "23505"

Row = TypeVar("Row", bound=models.Model)
Item = TypeVar("Item")


def track(found: Tracked) -> None:
    """Record these changes outside of services; raises ImproperlyConfigured where some would be missed."""
    _refuse_untrackable(found)
    model = found.model
    registry[model] = found
    # Django adds to a relation by the base manager, `user.api_keys.add(key)`, and so may other code. Not in Meta: it is
    # no matter of the database, but Django would make a migration of it.
    options = model._meta
    options.base_manager_name = model._default_manager.name
    vars(options).pop("base_manager", None)
    # Ours comes first: it forgets what an earlier save of the object left behind.
    pre_save.connect(tracking_events.before_save, sender=model, dispatch_uid=f"audit tracks {model}")
    auditlog.register(model, include_fields=sorted(found.all_fields), m2m_fields=list(found.relations))
    post_save.connect(tracking_events.after_save, sender=model, dispatch_uid=f"audit tracks {model}")
    pre_delete.connect(tracking_events.before_delete, sender=model, dispatch_uid=f"audit tracks {model}")
    for name in found.relations:
        through = getattr(model, name).through
        before = partial(tracking_events.before_relation_changes, model, name)
        m2m_changed.connect(before, sender=through, weak=False, dispatch_uid=f"audit tracks {through}")


def _refuse_untrackable(found: Tracked) -> None:
    model, problem = found.model, ""
    options: Any = model._meta
    if not issubclass(model, TrackedModel) or options.abstract or options.proxy:
        problem = "it isn't a table's own TrackedModel"
    elif not isinstance(model._default_manager.all(), TrackedQuerySet):
        problem = "its manager makes no TrackedQuerySet"
    elif options.pk is None or isinstance(options.pk, models.CompositePrimaryKey):
        problem = "it has no primary key of one column"
    elif unknown := found.all_fields - {field.name for field in options.concrete_fields}:
        problem = f"it has no {', '.join(sorted(unknown))}"
    elif unknown := frozenset(found.relations) - {field.name for field in options.many_to_many}:
        problem = f"{', '.join(sorted(unknown))} is no many-to-many relation of it"
    if problem:
        raise ImproperlyConfigured(f"{options.label} can't be tracked: {problem}.")


@contextmanager
def explicitly_recorded() -> Iterator[None]:
    """Nothing is tracked within it (also a decorator): the caller records its changes.

    It holds for this thread, and for tasks that end before it does.
    """
    if auditlog_disabled.get():
        yield
        return
    # Emptied, and so false, at the end: code that outlives the block, such as a task that it started, is tracked.
    block = [True]
    token = auditlog_disabled.set(block)
    try:
        yield
    finally:
        block.clear()
        auditlog_disabled.reset(token)


def _is_tracked_now(model: type[models.Model]) -> bool:
    return not auditlog_disabled.get() and model in registry


class TrackedModel(models.Model):
    """A row that is saved in one transaction with its event."""

    class Meta:
        abstract = True

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        found = registry.get(type(self))
        is_recorded = auditlog_disabled.get()
        if found is None or (is_recorded and not found.on_change):
            super().save_base(*args, **kwargs)
            return
        names = kwargs.get("update_fields")
        using = kwargs.get("using") or self._state.db or "default"
        with transaction.atomic(using=using, savepoint=False):
            if found.heeds_new_rows and self._state.adding:
                tracking_events.notify_listener(type(self), [self])
            if is_recorded:
                super().save_base(*args, **kwargs)
            elif names is not None and tracking_events.tracked_columns(type(self)).isdisjoint(names):
                with explicitly_recorded():
                    super().save_base(*args, **kwargs)
            elif any(hasattr(vars(self).get(name), "resolve_expression") for name in found.all_fields):
                self._save_expressions(using, args, kwargs)
            else:
                super().save_base(*args, **kwargs)

    def _save_expressions(self, using: str, args: Any, kwargs: Any) -> None:
        # What the database computes is known once it is stored.
        stored = type(self)._base_manager.using(using)
        before = stored.select_for_update().filter(pk=self.pk).first()
        with explicitly_recorded():
            super().save_base(*args, **kwargs)
        after = stored.get(pk=self.pk)
        tracking_events.record_differences(Action.UPDATE if before else Action.CREATE, [(before, after)])


class TrackedQuerySet(models.QuerySet[Row]):
    """Compares and records bulk changes itself, since Django sends no signals for them."""

    def update(self, **values: object) -> int:
        found = registry.get(self.model)
        columns = tracking_events.tracked_columns(self.model) & values.keys() if _is_tracked_now(self.model) else set()
        if not columns and not (found and found.on_change):
            return super().update(**values)
        with transaction.atomic(using=self.db, savepoint=False):
            tracking_events.notify_listener(self.model, self._stored(pk__in=self._chosen()), values.keys())
            if not columns:
                return super().update(**values)
            names = sorted(columns)
            # In one order, or two such updates could each wait for a row that the other has locked.
            before = self._stored(pk__in=self._chosen()).select_for_update().order_by("pk")
            old = {pk: found for pk, *found in before.values_list("pk", *names)}
            count = super().update(**values)
            for pks in _batches(old):
                after = self._stored(pk__in=pks).order_by("pk")
                pairs = [(_copy_with(row, dict(zip(names, old[row.pk], strict=True))), row) for row in after]
                tracking_events.record_differences(Action.UPDATE, pairs)
        return count

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(  # noqa: PLR0917 (as Django has it)
        self,
        objs: Iterable[Row],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Row]:
        rows = list(objs)
        conflicts = (update_conflicts, update_fields, unique_fields)
        with transaction.atomic(using=self.db, savepoint=False):
            before = self._in_conflict(rows, unique_fields) if update_conflicts else {}
            tracking_events.notify_listener(self.model, before.values(), update_fields)
            found = registry.get(self.model)
            if found is not None and found.heeds_new_rows:
                tracking_events.notify_listener(self.model, rows)
            if not _is_tracked_now(self.model):
                return super().bulk_create(rows, batch_size, ignore_conflicts, *conflicts)
            if ignore_conflicts and not update_conflicts:
                # One by one: databases don't say which rows a bulk insert ignored.
                made = [row for row in rows if self._is_created(row)]
                tracking_events.record_differences(Action.CREATE, [(None, row) for row in made])
                return rows
            made = super().bulk_create(rows, batch_size, ignore_conflicts, *conflicts)
            for pks in _batches([row.pk for row in made]):
                after = list(self._stored(pk__in=pks).order_by("pk"))
                created = [(None, row) for row in after if row.pk not in before]
                tracking_events.record_differences(Action.CREATE, created)
                changed = [(before[row.pk], row) for row in after if row.pk in before]
                tracking_events.record_differences(Action.UPDATE, changed)
        return made

    def _raw_delete(self, using: str | None) -> int:
        # Private, but the only way of rows that a cascade deletes at once: they send no signal.
        with transaction.atomic(using=using, savepoint=False):
            tracking_events.notify_listener(self.model, self._stored(pk__in=self._chosen()))
            if not _is_tracked_now(self.model):
                return super()._raw_delete(using)
            gone = list(self._stored(pk__in=self._chosen()).select_for_update().order_by("pk"))
            count: int = super()._raw_delete(using)
            tracking_events.record_differences(Action.DELETE, [(row, None) for row in gone])
        return count

    def _chosen(self) -> models.QuerySet[Row, dict[str, object]]:
        chosen = self.order_by().values("pk")
        chosen.query.select_for_update = False
        return chosen

    def _stored(self, **conditions: object) -> models.QuerySet[Row]:
        return self.model._base_manager.using(self.db).filter(**conditions)

    def _is_created(self, row: Row) -> bool:
        try:
            with transaction.atomic(using=self.db):
                super().bulk_create([row])
        except IntegrityError as error:
            code = getattr(error.__cause__, "sqlstate", None)
            # SQLite's errors have no SQLSTATE.
            if code == UNIQUE_VIOLATION or (code is None and "UNIQUE" in str(error)):
                return False
            raise
        return True

    def _in_conflict(self, rows: list[Row], names: Collection[str] | None) -> dict[object, Row]:
        """The stored rows that these would overwrite, by key."""
        options = self.model._meta
        unique = [options.pk.name if name == "pk" else name for name in names or ["pk"]]
        found: dict[object, Row] = {}
        for batch in _batches(rows):
            same = Q()
            for row in batch:
                same |= Q(**{name: getattr(row, column_field(self.model, name).attname) for name in unique})
            stored = self.model._base_manager.using(self.db).filter(same).select_for_update()
            found.update((row.pk, row) for row in stored)
        return found


def _batches(values: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(values)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch


def _copy_with(row: Row, values: Mapping[str, object]) -> Row:
    """A copy of a row with other values in these columns, by `attname`."""
    found: dict[str, object] = {}
    for field in row._meta.concrete_fields:
        found[field.attname] = values.get(field.attname, values.get(field.name, vars(row)[field.attname]))
    return type(row).from_db(row._state.db, list(found), list(found.values()))
