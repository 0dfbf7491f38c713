"""Creating, editing and deleting exclusions, and their exceptions."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.access.authorization import Target
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.exclusions import exception_services, services
from accounts.exclusions.forms import ExceptionForm, ExclusionForm
from accounts.exclusions.loosening import sentence_for_those_bound
from accounts.exclusions.readers import require_reader_of_users
from accounts.exclusions.suggestions import find_suggestion
from accounts.exclusions.views import exclusion_crumbs, find_exclusion
from accounts.exclusions.violations import count_violators, rules_of
from accounts.models import Exclusion, ExclusionException
from accounts.permissions import ROLE_UPDATE
from reprotech.core.exceptions import DomainError, StaleVersion
from reprotech.web.access import FORM, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form


@requires(ROLE_UPDATE, FORM)
def create_exclusion(request: PageRequest) -> HttpResponse:
    """An empty form, or that of a suggestion."""
    suggestion = find_suggestion(request.GET.get("suggestion", ""))
    form = bind_form(ExclusionForm, request, initial=suggestion.values if suggestion else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_exclusion(actor=request.user, **form.values)
            messages.success(request, f"Exclusion {made.name} created. {_violated_now(made)}")
            return htmx_redirect(request, "exclusion", made.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"crumbs": [*exclusion_crumbs(None), ("New exclusion", None)], "back": reverse("exclusions")}
    return render_form(request, "accounts/exclusions/form.html", form, context)


@requires(ROLE_UPDATE, FORM)
def edit_exclusion(request: PageRequest, exclusion_id: int) -> HttpResponse:
    exclusion = find_exclusion(exclusion_id)
    form = bind_form(ExclusionForm, request, record=exclusion)
    bound = sentence_for_those_bound(request.user, rules_of([exclusion.pk]))
    if bound and exclusion.refuses:
        form.hide_warning()
    if request.method == "POST" and form.is_valid():
        try:
            changed = services.update_exclusion(actor=request.user, exclusion_id=exclusion.pk, **form.values)
            messages.success(request, f"Exclusion {changed.name} saved. {_violated_now(changed)}")
            return htmx_redirect(request, "exclusion", changed.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
            if isinstance(refusal, StaleVersion):
                form.catch_up(find_exclusion(exclusion_id))
    context = {
        "exclusion": exclusion,
        "bound": bound,
        "crumbs": exclusion_crumbs(exclusion, "Edit"),
        "back": reverse("exclusion", args=[exclusion.pk]),
    }
    return render_form(request, "accounts/exclusions/form.html", form, context)


def _violated_now(exclusion: Exclusion) -> str:
    count = count_violators(rules_of([exclusion.pk])).get(exclusion.pk, 0)
    if not count:
        return "Nobody holds both sets now."
    people = "1 person holds" if count == 1 else f"{count:,} people hold"
    return f"{people} both sets now, and keep{'s' if count == 1 else ''} them until someone takes them."


@requires(ROLE_UPDATE, FORM)
def delete_exclusion(request: PageRequest, exclusion_id: int) -> HttpResponse:
    exclusion = find_exclusion(exclusion_id)
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            services.delete_exclusion(actor=request.user, exclusion_id=exclusion.pk)
            messages.success(request, f"Exclusion {exclusion.name} deleted.")
            return htmx_redirect(request, "exclusions")
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "exclusion": exclusion,
        "bound": sentence_for_those_bound(request.user, rules_of([exclusion.pk])),
        "exceptions": exclusion.exceptions.open().count(),
        "crumbs": exclusion_crumbs(exclusion, "Delete"),
    }
    page, fragment = "accounts/exclusions/delete.html", "accounts/exclusions/_delete.html"
    return render_form(request, page, form, context, fragment=fragment)


@requires(ROLE_UPDATE, FORM)
def ask_for_exception(request: PageRequest, exclusion_id: int) -> HttpResponse:
    """The form; `?user=` names the person."""
    exclusion = find_exclusion(exclusion_id)
    require_reader_of_users(request.user, Target("exclusion", exclusion_id))
    form = bind_form(ExceptionForm, request, initial={"user": request.GET.get("user", "")[:80]})
    if request.method == "POST" and form.is_valid():
        try:
            made = exception_services.ask_for_exception(actor=request.user, exclusion_id=exclusion.pk, **form.values)
            messages.success(
                request, f"Exception for {made.user.username} asked for. It counts once a second person approves it."
            )
            return htmx_redirect(request, "exclusion", exclusion.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {"exclusion": exclusion, "crumbs": exclusion_crumbs(exclusion, "Ask for an exception")}
    page, fragment = "accounts/exclusions/exception_form.html", "accounts/exclusions/_exception_form.html"
    return render_form(request, page, form, context, fragment=fragment)


@requires(ROLE_UPDATE, FORM)
def approve_exception(request: PageRequest, exclusion_id: int, exception_id: int) -> HttpResponse:
    return _decide(request, exclusion_id, exception_id, approves=True)


@requires(ROLE_UPDATE, FORM)
def withdraw_exception(request: PageRequest, exclusion_id: int, exception_id: int) -> HttpResponse:
    return _decide(request, exclusion_id, exception_id, approves=False)


def _decide(request: PageRequest, exclusion_id: int, exception_id: int, *, approves: bool) -> HttpResponse:
    """A page that asks before an exception counts, or ends."""
    exclusion = find_exclusion(exclusion_id)
    require_reader_of_users(request.user, Target("exclusion", exclusion_id))
    exception: ExclusionException = get_object_or_404(exclusion.exceptions.with_people(), pk=exception_id)
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        decide = exception_services.approve_exception if approves else exception_services.withdraw_exception
        try:
            decide(actor=request.user, exclusion_id=exclusion.pk, exception_id=exception.pk)
            outcome = "approved" if approves else "withdrawn"
            messages.success(request, f"Exception for {exception.user.username} {outcome}.")
            return htmx_redirect(request, "exclusion", exclusion.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "exclusion": exclusion,
        "exception": exception,
        "approves": approves,
        "is_second_person": exception_services.is_second_person(request.user, exception),
        "crumbs": exclusion_crumbs(exclusion, "Approve exception" if approves else "Withdraw exception"),
    }
    page, fragment = "accounts/exclusions/decision.html", "accounts/exclusions/_decision.html"
    return render_form(request, page, form, context, fragment=fragment)
