"""Signing in again over a page whose session has ended, which then goes on where it was."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from reprotech.web.responses import is_session_dialog, page_user, session_ready


def dialog_answer(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    """In place of the redirect after a sign-in, and with its cookies: the page may go on, if it is this user's."""
    if not is_session_dialog(request):
        return response
    if page_user(request) == str(user.pk):
        answer = session_ready()
    else:
        # What the other one typed must not be sent in this one's name.
        answer = render(request, "accounts/_other_user_dialog.html", {"signed_in": user})
    answer.cookies = response.cookies
    return answer
