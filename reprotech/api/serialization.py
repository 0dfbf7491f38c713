"""What the API answers, as its serializers describe it: each is put together once, and then used for every answer.

A serializer asks its fields one by one what to read and how to show it, for each item anew. Here a field becomes a
function once: of most values that is no more than reading them.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework import serializers

from reprotech.api.fields import AddressOutputField, NetworkOutputField

Answer = type[serializers.Serializer[Any]]
Reader = Callable[[Any], Any]
#: A field's name, what reads its value, the type that is shown as it is, and what writes any other type.
FieldReader = tuple[str, Reader, type | None, Reader | None]

#: Fields that show a value of this type as it is.
PASSED_THROUGH: dict[type[serializers.Field[Any, Any, Any, Any]], type] = {
    serializers.BooleanField: bool,
    serializers.CharField: str,
    serializers.IntegerField: int,
    AddressOutputField: str,
    NetworkOutputField: str,
}


class PageAnswer(serializers.Serializer[Any]):
    """What every page of a list tells beside its items, for the schema."""

    total = serializers.IntegerField()
    total_is_exact = serializers.BooleanField(required=False, help_text="False when there are more than `total`.")
    page = serializers.IntegerField()
    per_page = serializers.IntegerField()
    pages = serializers.IntegerField()


def json_response(answer: Answer, item: Any) -> HttpResponse:
    """The answer of an item for what is asked most: DRF's own response takes longer to write it than all the rest."""
    return HttpResponse(orjson.dumps(serialize(answer, item)), content_type="application/json")


def serialize(answer: Answer, item: Any) -> Any:
    """The answer of an item."""
    return _reader_of(answer)(item)


def serialize_many(answer: Answer, items: Iterable[Any], context: Mapping[str, Any] | None = None) -> list[Any]:
    """The answers of several items."""
    read = _reader(answer(context=dict(context))) if context else _reader_of(answer)
    return [read(item) for item in items]


@cache
def _reader_of(answer: Answer) -> Reader:
    return _reader(answer())


def _reader(shape: Any) -> Reader:
    """What makes the answer of an item, by the fields of a serializer."""
    fields = [_field_reader(field) for field in shape.fields.values() if not field.write_only]
    if None in fields:
        usual: Reader = shape.to_representation
        return usual

    # One loop instead of a function for each field: a third of what an answer costs.
    def read(item: Any) -> dict[str, Any]:
        answer = {}
        for name, get, plain, represent in fields:  # type: ignore[misc]  # none of them is None
            value = get(item)
            answer[name] = value if value is None or represent is None or type(value) is plain else represent(value)
        return answer

    return read


def _field_reader(field: Any) -> FieldReader | None:
    """What makes the answer of a field; None if it may be left out or isn't read from one attribute."""
    name = field.field_name
    if isinstance(field, serializers.SerializerMethodField):
        return name, getattr(field.parent, field.method_name), None, None
    if isinstance(field, serializers.Serializer):
        return (name, _reader(field), None, None) if field.source == "*" else None
    if not field.required and field.read_only is False:
        return None
    represent = _utc_time if type(field) is serializers.DateTimeField else field.to_representation
    return name, attrgetter(field.source), PASSED_THROUGH.get(type(field)), represent


def _utc_time(moment: datetime) -> str:
    """A time as DRF writes it where no time zone is in force but UTC, without looking for one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
