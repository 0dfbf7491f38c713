"""Base classes of request bodies."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from reprotech.core.change_reason import FIELD as REASON
from reprotech.core.request_context import current_reason


class RequestBody(serializers.Serializer[object]):
    """A request body. Undeclared keys are refused, so that a typo isn't silently ignored."""

    #: Sentences for undeclared keys that callers are likely to send.
    hints: Mapping[str, str] = {}
    refuses_unknown = True
    #: Many programs send null for an optional field that they leave out.
    null_is_absent = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.null_is_absent:
            for field in self.fields.values():
                field.allow_null = field.allow_null or not field.required

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and self.refuses_unknown:
            # Read before the view (`reprotech.api.change_reason`).
            known = {REASON} if self.root is self and current_reason().is_asked else ()
            unknown = [str(key) for key in data if key not in self.fields and key not in known]
            if unknown:
                errors: Any = {key: [self.hints.get(key, "Unknown field.")] for key in unknown}
                try:
                    super().to_internal_value(data)
                except serializers.ValidationError as refusal:
                    others: Any = refusal.detail
                    errors |= others
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    @classmethod
    def read(cls, request: Request, **options: Any) -> dict[str, Any]:
        """The validated values; raises ValidationError, ParseError or UnsupportedMediaType."""
        body = cls(data=request.data, **options)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        return {name: value for name, value in values.items() if not (value is None and cls.null_is_absent)}


class EmptyBody(RequestBody):
    """For requests that need no body."""
