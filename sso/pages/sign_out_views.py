"""Signing a person out of a program: on the program's page, on the person's, or on one's own profile."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from accounts.common.requests import PageRequest
from accounts.common.shortcuts import get_user_or_404
from accounts.permissions import USER_READ
from reprotech.web.access import POST, SIGNED_IN, requires
from sso.ending.services import end_sign_in
from sso.models import AppSignIn
from sso.pages.views import find_application
from sso.permissions import SETTINGS_READ


@requires(SIGNED_IN, POST)
def sign_out_self(request: PageRequest, sign_in_id: UUID) -> HttpResponse:
    own = AppSignIn.objects.filter(user=request.user).valid().select_related("application")
    sign_in = get_object_or_404(own, pk=sign_in_id)
    end_sign_in(actor=request.user, sign_in_id=sign_in.pk)
    messages.success(request, f"You are signed out of {sign_in.application.name}.")
    return redirect("own_sessions")


@requires(USER_READ, POST)
def sign_out_user(request: PageRequest, user_id: int, sign_in_id: UUID) -> HttpResponse:
    user = get_user_or_404(request, user_id)
    theirs = AppSignIn.objects.filter(user=user).valid().select_related("application")
    sign_in = get_object_or_404(theirs, pk=sign_in_id)
    # The service requires `session_revoke`, unless the sign-in is the reader's own.
    end_sign_in(actor=request.user, sign_in_id=sign_in.pk)
    messages.success(request, f"{user.username} is signed out of {sign_in.application.name}.")
    return redirect("user_sessions", user.pk)


@requires(SETTINGS_READ, POST)
def sign_out_at_application(request: PageRequest, application_id: int, sign_in_id: UUID) -> HttpResponse:
    application = find_application(request, application_id)
    sign_in = get_object_or_404(application.sign_ins.valid().of_person().select_related("user"), pk=sign_in_id)
    end_sign_in(actor=request.user, sign_in_id=sign_in.pk)
    messages.success(request, f"{sign_in.user.username} is signed out of {application.name}.")
    return redirect("application_sign_ins", application.pk)
