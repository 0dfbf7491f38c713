"""The OpenAPI 3 description of the API, beside what the views declare themselves."""

from typing import Any

from django import forms
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from reprotech.api_errors import PLAIN
from reprotech.listing import Query, WholeNumberField

ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "A stable word for programs."},
        "request_id": {"type": "string"},
        "required": {"type": "string", "description": "With 403: the permission that is missing."},
        "errors": {
            "type": "object",
            "description": "With 400 and 409: what is wrong, by field.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["error", "code", "request_id"],
}

#: Statuses that any call may answer with, and what they mean where `PLAIN` has no sentence.
ANY_CALL = (400, 401, 403, 404, 405, 409, 413, 415, 429, 503)
MEANINGS = {
    401: "Not signed in, or not any more.",
    409: "The present state of things forbids it.",
    429: "Too many attempts; `Retry-After` says for how many seconds.",
}


class ReprotechSchema(AutoSchema):
    """The views' own declarations, as they stand: lists are objects that hold an array, a page and a total."""

    def _is_list_view(self, serializer: Any = None) -> bool:  # noqa: ARG002
        return False

    def get_operation_id(self) -> str:
        """What is called, then what is done with it: `users_list`, `auth_login`, `users_update_patch`."""
        parts = [part.replace("-", "_") for part in self.path.strip("/").split("/")[1:] if not part.startswith("{")]
        action = str(getattr(self.view, "action", "call"))
        if parts[-1] != action:
            parts.append(action)
        return "_".join([*parts, "patch"] if self.method == "PATCH" else parts)

    def get_tags(self) -> list[str]:
        """The first part of the path behind `/api/`."""
        return [self.path.strip("/").split("/")[1]]


def query_parameters(query: type[Query]) -> list[OpenApiParameter]:
    """The parameters of a list, from the form that reads them."""
    return [_parameter(name, field) for name, field in query().fields.items()]


def _parameter(name: str, field: forms.Field) -> OpenApiParameter:
    if isinstance(field, WholeNumberField):
        schema: dict[str, Any] = {"type": "integer", "minimum": field.least}
        if field.default is not None:
            schema["default"] = field.default
        if field.most is not None:
            schema["maximum"] = field.most
    elif isinstance(field, forms.ChoiceField):
        schema = {"type": "string", "enum": [choice for choice, _ in field.choices]}  # type: ignore[misc,union-attr]
    else:
        schema = {"type": "string"}
        if isinstance(field, forms.CharField) and field.max_length:
            schema["maxLength"] = field.max_length
    required = isinstance(field, WholeNumberField) and field.required
    return OpenApiParameter(name, schema, description=field.help_text, required=required)


def add_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the one shape of errors to every operation; drf-spectacular's postprocessing hook."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            for status in ANY_CALL:
                meaning = MEANINGS.get(status) or PLAIN[status][0]
                operation["responses"].setdefault(str(status), {"description": meaning, "content": content})
    return result
