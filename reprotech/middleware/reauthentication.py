"""Asking for the password in the midst of something, and going on with it: nothing that was typed is lost.

What a page was sent is refused with ConfirmationRequired when the password was typed too long ago. The answer is a
form that holds what was sent, asks for the password and sends both to the same address; the view then runs as if
nothing had been.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.passwords.forms import ConfirmPasswordForm
from accounts.passwords.page_sessions import confirm_page_session
from reprotech.core.exceptions import DomainError
from reprotech.core.reauthentication import ReauthenticationRequired
from reprotech.web.errors import is_api
from reprotech.web.responses import UNPROCESSABLE, render_interruption

PREFIX = "confirm"
FIELD = f"{PREFIX}-password"
#: Fields of ours, of which the new form has its own.
OWN_FIELDS = {FIELD, "csrfmiddlewaretoken"}


class ReauthenticationMiddleware:
    """Ask whoever acts by a page's cookie for their password where a service requires it, and take it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, _view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        """Take the password that came along and go on; ask again if it is wrong."""
        if request.method != "POST" or is_api(request) or FIELD not in request.POST or not request.page_session:
            return None
        form = ConfirmPasswordForm(request.POST, prefix=PREFIX)
        request.POST = request.POST.copy()
        del request.POST[FIELD]
        if form.is_valid():
            try:
                confirm_page_session(request, form.cleaned_data["password"])
                return None
            except DomainError as refusal:
                form.add_refusal(refusal)
        return _ask_for_password(request, form)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page that asks; what was only to be shown is come back to by its address."""
        if not isinstance(exception, ReauthenticationRequired) or is_api(request):
            return None
        if request.method == "POST":
            return _ask_for_password(request, ConfirmPasswordForm(prefix=PREFIX))
        return redirect(f"{reverse('confirm_password')}?{urlencode({'next': request.get_full_path()})}")


def _ask_for_password(request: HttpRequest, form: ConfirmPasswordForm) -> HttpResponse:
    sent = [(name, values) for name, values in request.POST.lists() if name not in OWN_FIELDS]
    context = {"form": form, "carried": [(name, value) for name, values in sent for value in values]}
    return render_interruption(
        request, "accounts/reauthenticate.html", context, "accounts/_reauthenticate.html", UNPROCESSABLE
    )
