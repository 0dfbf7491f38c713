"""Asking for a link because one forgot one's password."""

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.common.shortcuts import too_many_attempts_message
from accounts.passwords.forms import ForgottenPasswordForm
from accounts.passwords.reset import request_reset
from reprotech.core.exceptions import TooManyAttempts
from reprotech.web.access import PUBLIC, requires
from reprotech.web.responses import bind_form, render_form


@requires(PUBLIC)  # whoever forgot the password can't sign in
@require_http_methods(["GET", "HEAD", "POST"])
def forgot_password(request: Any) -> HttpResponse:
    """Who is it? The answer is the same for everybody."""
    form = bind_form(ForgottenPasswordForm, request)
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            request_reset(typed=form.cleaned_data["username"])
            return redirect("forgot_password_sent")
        except TooManyAttempts as too_often:
            refusal = too_often
            form.add_error(None, too_many_attempts_message(refusal))
    response = render_form(request, "accounts/forgot_password.html", form)
    if refusal:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response["Retry-After"] = str(refusal.retry_after)
    return response


@requires(PUBLIC)  # as above
@require_safe
def forgot_password_sent(request: Any) -> HttpResponse:
    """What happens now, if there is an account."""
    return render(request, "accounts/forgot_password_sent.html")
