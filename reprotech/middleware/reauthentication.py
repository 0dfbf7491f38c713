"""Asks for the password when a view raises ReauthenticationRequired, and then repeats the POST: no input is lost.

The answer is a form with all that was posted, and a field for the password, to the same URL. Over the form of a page it
is a dialog, after which the page's script sends the form again.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.passwords.forms import SESSION_IDS, ConfirmPasswordForm
from accounts.reauthentication.views import passkey_choice
from reprotech.core.reauthentication import ReauthenticationRequired
from reprotech.web.errors import is_api
from reprotech.web.responses import UNPROCESSABLE, render_interruption

PREFIX = "confirm"
FIELD = f"{PREFIX}-password"
#: Fields of which the new form has its own.
OWN_FIELDS = {FIELD, "csrfmiddlewaretoken"}


class ReauthenticationMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, _view: object, _args: object, _kwargs: object) -> HttpResponse | None:
        """Verify the password in the repeated POST; ask again if it is wrong."""
        if request.method != "POST" or is_api(request) or FIELD not in request.POST or not request.page_session:
            return None
        form = ConfirmPasswordForm(request.POST, prefix=PREFIX)
        request.POST = request.POST.copy()
        # Neither the view nor an error report may see the password.
        del request.POST[FIELD]
        return None if form.confirm(request) else _ask_for_password(request, form)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ReauthenticationRequired) or is_api(request):
            return None
        if request.method == "POST":
            return _ask_for_password(request, ConfirmPasswordForm(prefix=PREFIX))
        return redirect(f"{reverse('confirm_password')}?{urlencode({'next': request.get_full_path()})}")


def _ask_for_password(request: Any, form: ConfirmPasswordForm) -> HttpResponse:
    sent = [(name, values) for name, values in request.POST.lists() if name not in OWN_FIELDS]
    context = {
        "form": form,
        "carried": [(name, value) for name, values in sent for value in values],
        # The page's form stays as it is, and is sent once more: nothing is carried.
        "session_form": ConfirmPasswordForm(auto_id=SESSION_IDS),
        **passkey_choice(request),
    }
    return render_interruption(
        request,
        "accounts/reauthenticate.html",
        context,
        part="accounts/_reauthenticate.html",
        over_page="accounts/_confirm_dialog.html",
        status=UNPROCESSABLE,
    )
