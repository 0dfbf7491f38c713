"""The registry of tracked models, and how the log names changes of their rows."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Never, cast

from django.db import models

from audit.models import Action

EMPTY: Mapping[str, Never] = MappingProxyType({})


#: Takes the rows that change, which may be a queryset, and the names of their changed columns: None for any, and for a
#: relation.
OnChange = Callable[[Iterable[models.Model], Collection[str] | None], None]


#: Takes ids and gives a state for each, by the id as events have it.
States = Callable[[Iterable[object]], Mapping[str, Mapping[str, object]]]


class Subject(NamedTuple):
    """What an event about a row is filed under; `details` describe the row if it belongs to the subject."""

    resource: str
    resource_id: object
    resource_name: str
    details: Mapping[str, object] = EMPTY


class ActionPair(NamedTuple):
    """The actions for a field or relation that gets a value, and that loses one."""

    gained: Action
    lost: Action


def relation_field(model: type[models.Model], name: str) -> "models.ManyToManyField[models.Model, models.Model]":
    return cast("models.ManyToManyField[models.Model, models.Model]", model._meta.get_field(name))


def reference_field(model: type[models.Model], name: str) -> "models.ForeignKey[models.Model, models.Model]":
    return cast("models.ForeignKey[models.Model, models.Model]", model._meta.get_field(name))


def column_field(model: type[models.Model], name: str) -> "models.Field[object, object]":
    return cast("models.Field[object, object]", model._meta.get_field(name))


@dataclass(frozen=True, slots=True)
class Tracked:
    """How a model's changes are recorded."""

    model: type[models.Model]
    #: What an event about a row is filed under.
    subject: Callable[[Any], Subject]
    #: Columns whose every change is recorded.
    fields: Collection[str]
    #: Columns that services also change routinely without an event: recorded where the ORM changes them outside of
    #: services, and not captured by triggers.
    routine_fields: Collection[str] = ()
    #: Many-to-many relations.
    relations: Mapping[str, ActionPair] = field(default_factory=dict)
    #: References that captured events name too, with what their details call them.
    named: Mapping[str, str] = field(default_factory=dict)
    #: Actions for changes of a single field, by its name; anything else is an update.
    actions: Mapping[str, ActionPair] = field(default_factory=dict)
    created: Action = Action.CREATE
    #: None for rows that are deleted once used: their deletion isn't recorded.
    deleted: Action | None = Action.DELETE
    #: Fields whose values no event shows, besides those whose names say that they are secret.
    concealed: Collection[str] = ()
    #: What is so after a change, by the ids of what events are filed under: `details.state` of those that no service
    #: recorded. It names no person.
    states: States | None = None
    #: What events about a row are filed under, where that is not the model's name.
    resource: str = ""
    #: Whether a row belongs to that of its first reference to a tracked model, as keys do to users.
    is_owned: bool = True
    #: Called before each change commits, also of services.
    on_change: OnChange | None = None
    #: Whether `on_change` is called for new rows too: what is remembered of another row shows them.
    heeds_new_rows: bool = False

    @property
    def all_fields(self) -> frozenset[str]:
        return frozenset((*self.fields, *self.routine_fields))


registry: dict[type[models.Model], Tracked] = {}


def tracked_models() -> Mapping[type[models.Model], Tracked]:
    return MappingProxyType(registry)


def resource_name(model: type[models.Model]) -> str:
    """What events about a model's rows are filed under."""
    entry = registry.get(model)
    return (entry and entry.resource) or str(model._meta.model_name)
