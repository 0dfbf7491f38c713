"""Pages that ask before something is done to a user's account, and then do it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import get_user_or_404, user_breadcrumbs
from accounts.mfa import services as mfa_services
from accounts.models import User
from accounts.passwords import services as password_services
from accounts.permissions import USER_DELETE, USER_UPDATE
from accounts.roles.effective_permissions import missing_permissions
from accounts.users import services as user_services
from accounts.users.erasure import erase_personal_data
from accounts.users.forms import PASSWORD, DeleteUserForm, ResetPasswordForm
from reprotech.core.exceptions import DomainError
from reprotech.web.access import requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form, safe_next_url

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class UserAction:
    """What is done to one user: in words, and the service that does it."""

    verb: str
    consequence: str
    done: str
    run: Callable[..., Any]
    permission: str = USER_UPDATE
    is_destructive: bool = False
    #: Whether there is a page of the user to go back to.
    leaves_user: bool = True
    #: What the button says, where it isn't the verb and the name.
    button: str = ""
    #: What else is asked; the answers go to the service.
    form: type[ServiceForm] = ServiceForm


def confirmation_view(step: UserAction) -> View:
    """The view that asks (GET) and does (POST)."""

    @requires(step.permission)
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: PageRequest, user_id: int) -> HttpResponse:
        person = get_user_or_404(request, user_id)
        user_page = reverse("user", args=[person.pk])
        back = safe_next_url(request, user_page)
        form = bind_form(step.form, request)
        if request.method == "POST" and form.is_valid():
            try:
                step.run(actor=request.user, user_id=person.pk, **form.cleaned_data)
                messages.success(request, f"{person.username} {step.done}")
                return htmx_redirect(request, back if step.leaves_user or back != user_page else "users")
            except DomainError as refusal:
                form.add_refusal(refusal)
        context = {
            "step": step,
            "person": person,
            "beyond": missing_permissions(request.user, person),
            "next": back,
            "crumbs": user_breadcrumbs(person, step.button or step.verb),
        }
        return render_form(request, "accounts/user_action.html", form, context, fragment="accounts/_user_action.html")

    return view


def _activate(*, actor: User, user_id: int) -> None:
    user_services.update_user(actor=actor, user_id=user_id, is_active=True)


def _deactivate(*, actor: User, user_id: int) -> None:
    user_services.update_user(actor=actor, user_id=user_id, is_active=False)


def _delete(*, actor: User, user_id: int, erase: bool) -> None:
    if erase:
        erase_personal_data(actor=actor, user_id=user_id)
    else:
        user_services.delete_user(actor=actor, user_id=user_id)


lock = confirmation_view(
    UserAction(
        verb="Lock",
        consequence="All their sessions end at once, in browsers and in scripts, and they can't sign in, nor use an "
        "API key, until someone unlocks the account. Use it when an account may be in the wrong hands.",
        done="is locked.",
        run=user_services.lock_user,
        is_destructive=True,
    )
)
unlock = confirmation_view(
    UserAction(
        verb="Unlock",
        consequence="They can sign in again with their password, also if it was mistyped too often.",
        done="is unlocked.",
        run=user_services.unlock_user,
    )
)
reset_factors = confirmation_view(
    UserAction(
        verb="Turn off two-factor authentication for",
        button="Remove second factors",
        consequence="Their authenticator app, passkeys and recovery codes are removed, all their sessions end and "
        "their API keys are revoked. They sign in with the password alone until they set up a second factor again. Use "
        "it when someone lost their phone or key, and only once you are sure who is asking.",
        done="has no second factor any more.",
        run=mfa_services.reset_factors,
        is_destructive=True,
    )
)
deactivate = confirmation_view(
    UserAction(
        verb="Deactivate",
        consequence="All their sessions end at once, and they can't sign in, nor use an API key, until someone "
        "activates the account again. Roles and history stay. Use it when someone is away or has left.",
        done="is deactivated.",
        run=_deactivate,
        is_destructive=True,
    )
)
activate = confirmation_view(
    UserAction(
        verb="Activate",
        consequence="They can sign in again, with the roles and the password that they had.",
        done="is activated.",
        run=_activate,
    )
)
delete = confirmation_view(
    UserAction(
        verb="Delete",
        consequence="The account is taken out of use for good: its sessions end, its API keys are revoked, its roles "
        "are taken away and it leaves every list. Its history stays in the audit log under its name, which nobody else "
        "will get. This can't be undone.",
        done="is deleted.",
        run=_delete,
        permission=USER_DELETE,
        is_destructive=True,
        leaves_user=False,
        form=DeleteUserForm,
    )
)


@requires(USER_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def reset_password(request: PageRequest, user_id: int) -> HttpResponse:
    """Mail a link to choose a new password, or set one that must be changed."""
    person = get_user_or_404(request, user_id)
    back = safe_next_url(request, reverse("user", args=[person.pk]))
    form = bind_form(ResetPasswordForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, _reset_password(request.user, person, form.cleaned_data))
            return htmx_redirect(request, back)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "person": person,
        "beyond": missing_permissions(request.user, person),
        "is_own": person.pk == request.user.pk,
        "next": back,
        "crumbs": user_breadcrumbs(person, "Reset password"),
    }
    page, fragment = "accounts/user_reset_password.html", "accounts/_user_reset_password.html"
    return render_form(request, page, form, context, fragment=fragment)


def _reset_password(actor: User, person: User, typed: dict[str, Any]) -> str:
    """Do what was chosen; returns the sentence that says so."""
    if typed["access"] == PASSWORD:
        password_services.reset_password(actor=actor, user_id=person.pk, password=typed["password"])
        return f"{person.username} has a new password and must change it at the next sign-in."
    password_services.send_password_reset(actor=actor, user_id=person.pk)
    return f"A link to choose a new password is on its way to {person.email}."
