"""Enforces the access that page views declare."""

from collections.abc import Callable, Mapping

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.access.authorization import Target
from accounts.access.required_actions import ADD_FACTOR, CHANGE_PASSWORD, required_action_for
from audit.authorization import record_denial
from reprotech.core.exceptions import Forbidden
from reprotech.web.access import PUBLIC, SIGNED_IN, SIGNED_IN_TO_ADD_FACTOR, SIGNED_IN_TO_CHANGE_PASSWORD
from reprotech.web.responses import htmx_of, page_user, wants_fragment, with_next

#: Open to all who are signed in.
SIGNED_IN_MARKS = (SIGNED_IN, SIGNED_IN_TO_CHANGE_PASSWORD, SIGNED_IN_TO_ADD_FACTOR)
OTHER_USER = (
    "You are signed in as {} now, and this page was opened by someone else. Nothing was changed: reload the page."
)
REQUIRED_ACTION_VIEWS = {CHANGE_PASSWORD: "change_password", ADD_FACTOR: "security"}


def redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    """A redirect to the sign-in and back; a user whose session ended gets a message."""
    if getattr(request, "has_outlived_session", False):
        messages.info(request, "Your session has ended. Sign in to continue.")
    return redirect_to_login(request.get_full_path())


def redirect_to_required_action(request: HttpRequest, action: str) -> HttpResponse:
    """A redirect to the page of the action and back, unless a change or a part of a page was asked for."""
    page = reverse(REQUIRED_ACTION_VIEWS[action])
    is_visit = request.method == "GET" and not htmx_of(request)
    return redirect(with_next(page, request.get_full_path()) if is_visit else page)


class AccessMiddleware:
    """Run a page view only for users that it is declared for; a view that declares nothing is denied to everyone.

    API views are checked by DRF, Django admin by its site.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: object, kwargs: Mapping[str, int | str]
    ) -> HttpResponse | None:
        """None to run the view, a redirect, or PermissionDenied (recorded)."""
        if hasattr(view, "cls") or (request.resolver_match and request.resolver_match.app_names == ["admin"]):
            return None
        access = getattr(view, "access", None)
        if access == PUBLIC:
            return None
        user = request.user
        if not user.is_authenticated and wants_fragment(request):
            # The page keeps what was typed into it, and says that the session has ended.
            return HttpResponse(status=401)
        if not user.is_authenticated:
            return redirect_to_sign_in(request)
        if (opened_by := page_user(request)) and opened_by != str(user.pk):
            # Someone else has signed in since in this browser: what is typed there isn't theirs to send.
            return HttpResponse(OTHER_USER.format(user.username), status=409, content_type="text/plain; charset=utf-8")
        if action := required_action_for(user, access):
            return redirect_to_required_action(request, action)
        if access in SIGNED_IN_MARKS or (access is not None and user.has_perm(access)):
            return None
        denial = Forbidden(access or "undeclared", Target.named_in(kwargs))
        record_denial(user, denial)
        raise PermissionDenied(denial)
