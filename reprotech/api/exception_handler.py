"""The one shape of the API's errors: `error`, `code`, `request_id`, and `errors` by field where input is wrong."""

import logging

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from reprotech.core.exceptions import DomainError, ValidationFailed
from reprotech.core.reauthentication import ReauthenticationRequired
from reprotech.core.request_context import current_origin

logger = logging.getLogger(__name__)

#: Sentence and code by status, for errors without their own.
DEFAULT_ERRORS: dict[int, tuple[str, str]] = {
    400: ("The request can't be understood.", "bad_request"),
    403: ("This request is refused.", "forbidden"),
    404: ("There is nothing at this address.", "not_found"),
    405: ("This address doesn't take this method.", "method_not_allowed"),
    411: ("Send the body with a Content-Length.", "length_required"),
    413: ("The request's body is too large.", "too_large"),
    415: ("Send the body as JSON, with Content-Type: application/json.", "unsupported_media_type"),
    500: ("Something went wrong on our side. Nothing was changed.", "internal_error"),
    503: ("The service can't reach its database. Try again in a moment.", "unavailable"),
}

#: PostgreSQL's code of a change in a read-only transaction, as on a standby.
READ_ONLY_SQLSTATE = "25006"


def is_database_unavailable(exception: BaseException | None) -> bool:
    """Whether the database is out of reach or read-only."""
    if isinstance(exception, InternalError):
        return getattr(exception.__cause__, "sqlstate", "") == READ_ONLY_SQLSTATE
    return isinstance(exception, OperationalError | InterfaceError)


def error_body(error: str, code: str, **more: object) -> dict[str, object]:
    return {"error": error, "code": code, **more, "request_id": current_origin().request_id}


def default_error_response(status: int, sentence: str = "") -> JsonResponse:
    """An error outside of API views, such as an unknown path; `sentence` replaces the usual one."""
    error, code = DEFAULT_ERRORS[status]
    return JsonResponse(error_body(sentence or error, code), status=status)


def exception_handler(exception: Exception, context: dict[str, object]) -> Response:
    """The answer of an API view that raised `exception`."""
    if isinstance(exception, DomainError):
        return _refusal(exception)
    if isinstance(exception, ReauthenticationRequired):
        return _response(403, exception.message, exception.code)
    if isinstance(exception, exceptions.ValidationError):
        return _refusal(ValidationFailed(_by_field(exception.detail)))
    if isinstance(exception, DjangoValidationError):
        return _refusal(ValidationFailed(_by_field(getattr(exception, "message_dict", exception.messages))))
    if isinstance(exception, exceptions.ParseError):
        return _response(400, str(exception.detail), "malformed")
    if isinstance(exception, exceptions.PermissionDenied):
        # Only DRF's CSRF check raises this one; a missing permission is Forbidden.
        return _response(403, str(exception.detail), "csrf_failed")
    if isinstance(exception, exceptions.UnsupportedMediaType):
        error, code = DEFAULT_ERRORS[415]
        return _response(415, getattr(context["view"], "media_types_hint", error), code)
    status = _status_of(exception)
    return _response(status, *DEFAULT_ERRORS[status])


def _status_of(exception: Exception) -> int:
    if isinstance(exception, exceptions.MethodNotAllowed):
        return exception.status_code
    if isinstance(exception, Http404):
        return 404
    if isinstance(exception, PermissionDenied):
        return 403
    if isinstance(exception, SuspiciousOperation):
        return 400  # such as a form of too many parts
    if is_database_unavailable(exception):
        logger.error("The database does not do its work: %s", exception)
        return 503
    logger.error("An API view failed.", exc_info=exception)
    return 500


def _refusal(error: DomainError) -> Response:
    response = _response(error.status, error.message, error.code, **error.fields)
    for name, value in error.headers.items():
        response[name] = value
    return response


def _response(status: int, error: str, code: str, **more: object) -> Response:
    return Response(error_body(error, code, **more), status=status)


def _by_field(detail: object) -> dict[str, list[str]]:
    """`{field: [sentences]}` of a serializer's nested errors."""
    if isinstance(detail, dict):
        return {str(field): _sentences(found) for field, found in detail.items()}
    return {"non_field_errors": _sentences(detail)}


def _sentences(found: object) -> list[str]:
    if isinstance(found, dict):
        return [f"Item {_position(key)}: {sentence}" for key, part in found.items() for sentence in _sentences(part)]
    if isinstance(found, list | tuple):
        return [sentence for part in found for sentence in _sentences(part)]
    return [str(found)]


def _position(key: object) -> object:
    return key + 1 if isinstance(key, int) else key
