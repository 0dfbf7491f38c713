"""Serializers compiled once for each class.

A serializer asks each field for each item what to read and how to represent it. Here that is found once, and for most
fields only an attribute is read.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

import orjson
from django.db.models.manager import BaseManager
from django.http import HttpResponse
from rest_framework import serializers

from reprotech.api.fields import AddressOutputField, NetworkOutputField

Answer = type[serializers.Serializer[Any]]
Reader = Callable[[Any], Any]
#: A field's name, getter, the type of values that need no conversion, and the conversion of others.
FieldReader = tuple[str, Reader, type | None, Reader | None]

#: Fields that represent a value of this type as it is.
PASSED_THROUGH: dict[type, type] = {
    serializers.BooleanField: bool,
    serializers.CharField: str,
    serializers.IntegerField: int,
    AddressOutputField: str,
    NetworkOutputField: str,
}


class PageAnswer(serializers.Serializer[object]):
    """A page of a list besides its items, for the schema."""

    total = serializers.IntegerField()
    total_is_exact = serializers.BooleanField(required=False, help_text="False when there are more than `total`.")
    page = serializers.IntegerField()
    per_page = serializers.IntegerField()
    pages = serializers.IntegerField()


def json_response(answer: Answer, item: object) -> HttpResponse:
    """For the most frequent calls: DRF's own response takes longer to write it than all the rest."""
    return plain_json(serialize(answer, item))


def plain_json(content: object) -> HttpResponse:
    return HttpResponse(orjson.dumps(content), content_type="application/json")


def serialize(answer: Answer, item: object) -> Any:
    return _reader_of(answer)(item)


def serialize_many(
    answer: Answer, items: Iterable[object], context: Mapping[str, object] | None = None
) -> list[object]:
    read = _reader(answer(context=dict(context))) if context else _reader_of(answer)
    return [read(item) for item in items]


@cache
def _reader_of(answer: Answer) -> Reader:
    return _reader(answer())


def _reader(shape: serializers.Serializer[object]) -> Reader:
    fields = [_field_reader(field) for field in shape.fields.values() if not field.write_only]
    if None in fields:
        uncompiled: Reader = shape.to_representation
        return uncompiled

    # One loop instead of a function for each field: a third of what an answer costs.
    def read(item: object) -> dict[str, object]:
        answer = {}
        for name, get, plain, represent in fields:  # type: ignore[misc]  # none of them is None
            value = get(item)
            answer[name] = value if value is None or represent is None or type(value) is plain else represent(value)
        return answer

    return read


def _field_reader(field: Any) -> FieldReader | None:
    """Compile a field; None if it may be left out or isn't read from one attribute."""
    name = field.field_name
    if isinstance(field, serializers.SerializerMethodField):
        return name, getattr(field.parent, field.method_name), None, None
    if isinstance(field, serializers.Serializer):
        return (name, _reader(field), None, None) if field.source == "*" else None
    if not field.required and field.read_only is False:
        return None
    get, child = attrgetter(field.source), getattr(field, "child", None)
    if child is not None and type(field) is serializers.ListSerializer:
        return name, get, None, _each(_reader(child))
    if child is not None and type(field) is serializers.ListField and type(child) in PASSED_THROUGH:
        return name, get, None, _each_as_it_is(child)
    represent = _utc_time if type(field) is serializers.DateTimeField else field.to_representation
    return name, get, PASSED_THROUGH.get(type(field)), represent


def _each(read: Reader) -> Reader:
    return lambda items: [read(item) for item in (items.all() if isinstance(items, BaseManager) else items)]


def _each_as_it_is(field: Any) -> Reader:
    plain, represent = PASSED_THROUGH[type(field)], field.to_representation
    return lambda values: [value if type(value) is plain else represent(value) for value in values]


def _utc_time(moment: datetime) -> str:
    """As DRF writes a time in UTC, without its lookup of the current time zone."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
