"""What the OpenAPI description needs besides the declarations of the views."""

from typing import Any

from django import forms
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from reprotech.api.exception_handler import DEFAULT_ERRORS
from reprotech.api.fields import ADDRESS_SCHEMA
from reprotech.core.change_reason import FIELD as REASON
from reprotech.core.change_reason import MAX_REASON_LENGTH
from reprotech.web.fields import IntegerParam
from reprotech.web.query_params import QueryParams

JSON = "application/json"
OpenAPI = dict[str, Any]

ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "A stable word for programs."},
        "request_id": {"type": "string"},
        "required": {"type": "string", "description": "With 403: the permission that is missing."},
        "until": {
            "type": "string",
            "format": "date-time",
            "description": "With 503 and the code `maintenance`: when it should be over, if that is announced.",
        },
        "errors": {
            "type": "object",
            "description": "With 400 and 409: what is wrong, by field.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["error", "code", "request_id"],
}

REASON_SCHEMA = {
    "type": "string",
    "maxLength": MAX_REASON_LENGTH,
    "description": "Why, for the audit log. Required for the changes that REASON_REQUIRED_FOR lists.",
}
REASON_HEADER = {
    "in": "header",
    "name": "X-Reason",
    "schema": {"type": "string"},
    "description": "The same as `reason` in the body, as percent-encoded UTF-8.",
}
#: Statuses that any call may answer with.
COMMON_STATUSES = (400, 401, 403, 404, 405, 409, 413, 415, 429, 503)
STATUS_DESCRIPTIONS = {
    401: "Not signed in, or not any more.",
    409: "The present state of things forbids it.",
    412: "Someone else has changed it: it isn't as `If-Match` says any more.",
    429: "Too many attempts; `Retry-After` says for how many seconds.",
}


class ReprotechSchema(AutoSchema):
    def get_operation_id(self) -> str:
        """Resource and action: `users_list`, `auth_login`, `users_update_patch`."""
        parts = [part.replace("-", "_") for part in self.path.strip("/").split("/")[1:] if not part.startswith("{")]
        action = str(getattr(self.view, "action", "call"))
        if parts[-1] != action:
            parts.append(action)
        return "_".join([*parts, "patch"] if self.method == "PATCH" else parts)

    def get_tags(self) -> list[str]:
        return [self.path.strip("/").split("/")[1]]


def query_parameters(query: type[QueryParams]) -> list[OpenApiParameter]:
    return [_parameter(name, field) for name, field in query().fields.items()]


def _parameter(name: str, field: forms.Field) -> OpenApiParameter:
    if isinstance(field, IntegerParam):
        schema: OpenAPI = {"type": "integer", "minimum": field.min_value}
        if field.default is not None:
            schema["default"] = field.default
        if field.max_value is not None:
            schema["maximum"] = field.max_value
    elif isinstance(field, forms.ChoiceField):
        schema = {"type": "string", "enum": [choice for choice, _ in field.choices]}  # type: ignore[misc,union-attr]
    elif isinstance(field, forms.GenericIPAddressField):
        schema = dict(ADDRESS_SCHEMA)
    else:
        schema = {"type": "string"}
        if isinstance(field, forms.CharField) and field.max_length:
            schema["maxLength"] = field.max_length
    required = isinstance(field, IntegerParam) and field.required
    return OpenApiParameter(name, schema, description=field.help_text, required=required)


def _has_parameter(operation: OpenAPI, parameter: str) -> bool:
    return any(declared["name"] == parameter for declared in operation.get("parameters", ()))


def correct_bodies(result: OpenAPI, generator: SchemaGenerator, **_: object) -> OpenAPI:
    """Say of bodies what the views' declarations can't; a postprocessing hook of drf-spectacular."""
    for operation in _operations(result):
        body = operation.get("requestBody", {"content": {}})
        if body["content"] and JSON not in body["content"]:
            body["required"] = True  # a file: unlike fields, it has no default
        for media in body["content"].values():
            name = media["schema"].get("$ref", "").rpartition("/")[2]
            if name and getattr(generator.registry[name, "schemas"].object, "refuses_unknown", False):
                result["components"]["schemas"][name]["additionalProperties"] = False
        for response in operation["responses"].values():
            media = response.get("content", {}).get(JSON)
            if media and media["schema"].get("type") == "array":
                media["schema"] = media["schema"]["items"]  # our lists are objects with a page and a total
    return result


def add_errors(result: OpenAPI, **_: object) -> OpenAPI:
    """Add our errors to every operation; a postprocessing hook of drf-spectacular."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operation in _operations(result):
        statuses = [*COMMON_STATUSES, *([412] if _has_parameter(operation, "If-Match") else [])]
        for status in statuses:
            meaning = STATUS_DESCRIPTIONS.get(status) or DEFAULT_ERRORS[status][0]
            operation["responses"].setdefault(str(status), {"description": meaning, "content": content})
    return result


def add_reasons(result: OpenAPI, **_: object) -> OpenAPI:
    """Add the reason to each call that changes something; a postprocessing hook of drf-spectacular."""
    schemas = result["components"].setdefault("schemas", {})
    for operation in _changes(result):
        operation.setdefault("parameters", []).append(REASON_HEADER)
        for media_type in {JSON, "multipart/form-data"} & operation.get("requestBody", {}).get("content", {}).keys():
            name = operation["requestBody"]["content"][media_type]["schema"].get("$ref", "").rpartition("/")[2]
            if "properties" in schemas.get(name, {}):
                schemas[name]["properties"].setdefault(REASON, REASON_SCHEMA)
    return result


def _changes(result: OpenAPI) -> list[OpenAPI]:
    """The operations other than reading, of callers who sign in."""
    return [
        operation
        for operations in result["paths"].values()
        for method, operation in operations.items()
        if method != "get" and {} not in operation.get("security", [{}])
    ]


def _operations(result: OpenAPI) -> list[OpenAPI]:
    return [operation for operations in result["paths"].values() for operation in operations.values()]
