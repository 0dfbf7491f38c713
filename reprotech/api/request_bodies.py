"""Request bodies: strict, unknown keys refused."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request


class RequestBody(serializers.Serializer[Any]):
    """A request body. A key that isn't declared is refused, so that a typo isn't silently ignored."""

    #: Keys with a hint of their own when they are sent to where they don't belong.
    hints: Mapping[str, str] = {}
    #: Whether a key that isn't declared is refused.
    refuses_unknown = True
    #: Whether null in a field that may be left out counts as leaving it out, as many programs send it.
    null_is_absent = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.null_is_absent:
            for field in self.fields.values():
                field.allow_null = field.allow_null or not field.required

    def to_internal_value(self, data: Any) -> Any:
        """The values; raises ValidationError."""
        if isinstance(data, Mapping) and self.refuses_unknown:
            unknown = [str(key) for key in data if key not in self.fields]
            if unknown:
                raise serializers.ValidationError({key: [self.hints.get(key, "Unknown field.")] for key in unknown})
        return super().to_internal_value(data)

    @classmethod
    def read(cls, request: Request, **options: Any) -> dict[str, Any]:
        """The validated values of a request's body; raises ValidationError, ParseError or UnsupportedMediaType."""
        body = cls(data=request.data, **options)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        return {name: value for name, value in values.items() if not (value is None and cls.null_is_absent)}


class EmptyBody(RequestBody):
    """For requests that need no body."""
