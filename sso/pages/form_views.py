"""Adding, editing and deleting applications, and their secrets."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.models import Permission
from reprotech.core.exceptions import DomainError, StaleVersion
from reprotech.web.access import FORM, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form, render_page
from sso.applications import services as application_services
from sso.models import Application
from sso.pages.forms import ApplicationForm, NewSecretForm
from sso.pages.recipes import recipe_for, redirect_uri
from sso.pages.views import find_application
from sso.permissions import SETTINGS_UPDATE
from sso.provider.issuer import issuer


def _crumbs(application: Application | None, step: str) -> list[tuple[str, str | None]]:
    trail: list[tuple[str, str | None]] = [("Applications", reverse("applications"))]
    if application is not None:
        trail.append((application.name, reverse("application", args=[application.pk])))
    return [*trail, (step, None)]


@requires(SETTINGS_UPDATE, FORM)
def create_application(request: PageRequest) -> HttpResponse:
    form = bind_form(ApplicationForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            made = application_services.create_application(actor=request.user, **form.values)
            if made.client_secret:
                return _show_secret(request, made.application, made.client_secret, is_new=True)
            messages.success(request, f"{made.application.name} added. These are the settings that it needs.")
            return htmx_redirect(request, "application_setup", made.application.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"crumbs": _crumbs(None, "Add application"), "back": reverse("applications")}
    return render_form(request, "sso/application_form.html", form, context)


@requires(SETTINGS_UPDATE, FORM)
def edit_application(request: PageRequest, application_id: int) -> HttpResponse:
    application = find_application(request, application_id)
    form = bind_form(ApplicationForm, request, record=application)
    if request.method == "POST" and form.is_valid():
        try:
            changed = application_services.update_application(
                actor=request.user, application_id=application.pk, **form.values
            )
            messages.success(request, f"{changed.name} saved.")
            return htmx_redirect(request, "application", changed.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
            if isinstance(refusal, StaleVersion):
                form.catch_up(find_application(request, application_id))
    context = {
        "application": application,
        "crumbs": _crumbs(application, "Edit"),
        "back": reverse("application", args=[application.pk]),
    }
    return render_form(request, "sso/application_form.html", form, context)


@requires(SETTINGS_UPDATE, FORM)
def renew_secret(request: PageRequest, application_id: int) -> HttpResponse:
    """A new secret, shown once; the old one may go on for a while."""
    application = find_application(request, application_id)
    form = bind_form(NewSecretForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            made = application_services.renew_secret(
                actor=request.user, application_id=application.pk, **form.cleaned_data
            )
            return _show_secret(request, made.application, made.client_secret, is_new=False)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"application": application, "crumbs": _crumbs(application, "New secret")}
    return render_form(request, "sso/new_secret.html", form, context)


def _show_secret(request: PageRequest, application: Application, secret: str, *, is_new: bool) -> HttpResponse:
    # Not a redirect: the secret would have to be stored until the next request.
    context = {
        "application": application,
        "secret": secret,
        "is_new": is_new,
        "issuer": issuer(),
        "redirect_uri": next(iter(application.redirect_uris), redirect_uri(application, recipe_for(application))),
        "crumbs": _crumbs(application, "Secret"),
    }
    response = render(request, "sso/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


@requires(SETTINGS_UPDATE, FORM)
def deactivate_application(request: PageRequest, application_id: int) -> HttpResponse:
    return _change_state(request, application_id, is_active=False)


@requires(SETTINGS_UPDATE, FORM)
def activate_application(request: PageRequest, application_id: int) -> HttpResponse:
    return _change_state(request, application_id, is_active=True)


def _change_state(request: PageRequest, application_id: int, *, is_active: bool) -> HttpResponse:
    application = find_application(request, application_id)
    if request.method == "POST":
        application_services.update_application(actor=request.user, application_id=application.pk, is_active=is_active)
        messages.success(request, f"{application.name} is {'active' if is_active else 'inactive'} now.")
        return htmx_redirect(request, "application", application.pk)
    context = {
        "application": application,
        "activates": is_active,
        "people": application.sign_ins.valid().values("user").distinct().count(),
        "crumbs": _crumbs(application, "Activate" if is_active else "Deactivate"),
    }
    return render_page(request, "sso/application_state.html", context, fragment="sso/_application_state.html")


@requires(SETTINGS_UPDATE, FORM)
def delete_application(request: PageRequest, application_id: int) -> HttpResponse:
    application = find_application(request, application_id)
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            application_services.delete_application(actor=request.user, application_id=application.pk)
            messages.success(request, f"{application.name} deleted.")
            return htmx_redirect(request, "applications")
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "application": application,
        "people": application.sign_ins.valid().values("user").distinct().count(),
        "permissions": Permission.objects.filter(application_slug=application.slug).count(),
        "crumbs": _crumbs(application, "Delete"),
    }
    return render_form(request, "sso/application_delete.html", form, context, fragment="sso/_application_delete.html")
