"""Django's error handlers, and error pages for DomainErrors of page views."""

import sys
from collections.abc import Callable
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from access_requests.asking.roles import smallest_roles_with
from accounts.access.required_actions import required_action_for
from accounts.core.catalogue import PERMISSIONS
from accounts.models import User
from accounts.permissions import ADMIN_SITE
from audit.authorization import record_denial
from reprotech.api.exception_handler import default_error_response, is_database_unavailable
from reprotech.core.exceptions import DomainError, Forbidden, NotFound, TooManyAttempts, ValidationFailed
from reprotech.navigation import static_error_page
from reprotech.web.access import PUBLIC, SIGNED_IN, requires
from reprotech.web.errors import EXPLANATIONS, error_response, is_api
from reprotech.web.responses import wants_fragment

DESCRIPTIONS = {permission.name: permission.description for permission in PERMISSIONS}
#: Seconds, while the database doesn't answer.
RETRY_AFTER = 30


class DomainErrorMiddleware:
    """Turns a DomainError that a page view didn't handle into an error page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        # Http404 too: DEBUG's own page would list the URLs.
        if isinstance(exception, Http404) and not is_api(request):
            return error_response(request, 404)
        if not isinstance(exception, DomainError) or is_api(request):
            return None
        if isinstance(exception, Forbidden):
            record_denial(request.user, exception)
            return denied_response(request, exception.required)
        if isinstance(exception, NotFound):
            return error_response(request, 404)
        if isinstance(exception, TooManyAttempts):
            response = error_response(request, exception.status, "This can't be done just now", exception.sentence)
            response["Retry-After"] = str(exception.retry_after)
            return response
        errors = exception.errors if isinstance(exception, ValidationFailed) else {}
        found = [f"{name}: {sentence}" for name, sentences in errors.items() for sentence in sentences]
        return error_response(request, int(exception.status), advice=" ".join(found) or exception.message)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_response(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Names the missing permission when the exception carries a denial."""
    denial = next((cause for cause in exception.args if isinstance(cause, Forbidden)), None)
    return denied_response(request, denial.required) if denial else error_response(request, 403)


def denied_response(request: HttpRequest, required: str) -> HttpResponse:
    """The page names the missing permission, and the smallest roles with it of those that the person may ask for."""
    user, roles = request.user, []
    if isinstance(user, User) and not is_api(request) and not required_action_for(user, SIGNED_IN):
        roles = smallest_roles_with(required, user)
    return error_response(request, 403, advice=missing_permission_advice(required), roles_to_ask_for=roles)


def missing_permission_advice(required: str) -> str:
    """The missing permission in words, and who can grant it; "" if nobody can."""
    if required == ADMIN_SITE:
        return "Django admin opens for Super Administrators alone. Ask one of them to do it for you."
    if required not in DESCRIPTIONS:
        return ""
    return (
        f"You lack the permission “{DESCRIPTIONS[required]}” ({required}). If you need it for your work, ask an "
        "administrator of your lab for a role that has it."
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_response(request, 404)


@csrf_exempt  # nothing happens there, so that nothing needs to be protected from being forged
@requires(PUBLIC)  # there is nothing there, for anybody
def unknown_path(request: HttpRequest, **_: object) -> HttpResponse:
    return error_response(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the database failed."""
    status = 503 if is_database_unavailable(sys.exc_info()[1]) else 500
    if is_api(request):
        return default_error_response(status)
    response = static_error_page(request, status, EXPLANATIONS[status].title, EXPLANATIONS[status].advice)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(RETRY_AFTER)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    # Where the session has ended too, the page's script says so.
    if wants_fragment(request) and not request.user.is_authenticated:
        return HttpResponse(status=401)
    return error_response(
        request, 403, "This form has expired", "Or cookies are blocked. Go back, reload the page and try again."
    )
