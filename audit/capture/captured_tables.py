"""Which changes of which tables are captured: it follows from what is tracked (`audit.tracking.registry`)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from django.db import models

from audit.tracking.registry import column_field, reference_field, relation_field, resource_name, tracked_models

#: Columns that mark a row as ended; deleting it then revokes nobody's access.
END_COLUMNS = ("ended_at", "revoked_at")


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


def captured_tables() -> list[CapturedTable]:
    """The tables of tracked models and of their relations, sorted by name."""
    found = {}
    for model, entry in tracked_models().items():
        found[model._meta.db_table] = _table_of_model(model, entry.fields, are_deletions_routine=entry.deleted is None)
        for name in entry.relations:
            table = _table_of_relation(model, name)
            found[table.name] = table
    return [found[name] for name in sorted(found)]


def owner_field(model: type[models.Model]) -> "models.ForeignKey[models.Model, models.Model] | None":
    """The foreign key to another tracked model, such as from keys to users; None without one."""
    if not tracked_models()[model].is_owned:
        return None
    keys = (field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey))
    return next((key for key in keys if key.related_model in tracked_models()), None)


def through_model(model: type[models.Model], relation: str) -> type[models.Model]:
    """The model of a many-to-many relation's rows."""
    return cast("type[models.Model]", relation_field(model, relation).remote_field.through)


def _table_of_model(model: type[models.Model], names: Collection[str], *, are_deletions_routine: bool) -> CapturedTable:
    options = model._meta
    key, owner = str(options.pk.column), owner_field(model)
    own = (resource_name(model), key)
    columns = {field.name for field in options.concrete_fields}
    named = tuple(_reference(model, name) for name in tracked_models()[model].named)
    return CapturedTable(
        name=options.db_table,
        key=key,
        # The key too: rows that swap keys swap all that refers to them.
        columns=tuple(sorted({key, *(str(column_field(model, name).column) for name in names)})),
        subjects=(own,) if owner is None else ((resource_name(owner.related_model), str(owner.column)), *named, own),
        are_deletions_captured=not are_deletions_routine,
        end_column=next((name for name in END_COLUMNS if name in columns), ""),
    )


def _reference(model: type[models.Model], name: str) -> tuple[str, str]:
    """What a foreign key refers to, and its column."""
    field = reference_field(model, name)
    return resource_name(field.related_model), str(field.column)


def _table_of_relation(model: type[models.Model], name: str) -> CapturedTable:
    field = relation_field(model, name)
    options = through_model(model, name)._meta
    holder, held = field.m2m_column_name(), field.m2m_reverse_name()
    return CapturedTable(
        name=options.db_table,
        key=str(options.pk.column),
        columns=tuple(sorted((holder, held))),
        subjects=((resource_name(model), holder), (resource_name(field.related_model), held)),
    )
