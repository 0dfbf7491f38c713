"""Pages that ask for confirmation before they change one user's account."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
    """What is done to one user: the page's sentences and the service."""

    verb: str
    warning: str
    success_message: str
    run: Callable[..., object]
    permission: str = USER_UPDATE
    is_destructive: bool = False
    #: Whether the user's page still exists afterwards.
    keeps_user: bool = True
    #: The button's label, where it isn't the verb and the name.
    button: str = ""
    #: Its fields are arguments of the service.
    form: type[ServiceForm] = ServiceForm


def confirmation_view(action: UserAction) -> View:
    @requires(action.permission)
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: PageRequest, user_id: int) -> HttpResponse:
        user = get_user_or_404(request, user_id)
        user_page = reverse("user", args=[user.pk])
        back = safe_next_url(request, user_page)
        form = bind_form(action.form, request)
        if request.method == "POST" and form.is_valid():
            try:
                action.run(actor=request.user, user_id=user.pk, **form.cleaned_data)
                messages.success(request, f"User {user.username} {action.success_message}")
                return htmx_redirect(request, back if action.keeps_user or back != user_page else "users")
            except DomainError as refusal:
                form.add_refusal(refusal)
        context = {
            "action": action,
            "person": user,
            "beyond": missing_permissions(request.user, user),
            "next": back,
            "crumbs": user_breadcrumbs(user, action.button or action.verb),
        }
        return render_form(request, "accounts/user_action.html", form, context, fragment="accounts/_user_action.html")

    return view


def _delete(*, actor: User, user_id: int, erase: bool) -> None:
    if erase:
        erase_personal_data(actor=actor, user_id=user_id)
    else:
        user_services.delete_user(actor=actor, user_id=user_id)


lock = confirmation_view(
    UserAction(
        verb="Lock",
        warning="All their sessions end at once, in browsers and in scripts, and they can't sign in, nor use an "
        "API key, until someone unlocks the account. Use it when an account may be in the wrong hands.",
        success_message="locked.",
        run=user_services.lock_user,
        is_destructive=True,
    )
)
unlock = confirmation_view(
    UserAction(
        verb="Unlock",
        warning="They can sign in again with their password, also after too many failed attempts.",
        success_message="unlocked.",
        run=user_services.unlock_user,
    )
)
reset_factors = confirmation_view(
    UserAction(
        verb="Turn off two-factor authentication for",
        button="Turn off two-factor authentication",
        warning="Their authenticator app, passkeys and recovery codes are removed, all their sessions end and "
        "their API keys are revoked. They sign in with the password alone until they set up a second factor again. Use "
        "it when someone lost their phone or key, and only once you are sure who is asking.",
        success_message="no longer has two-factor authentication.",
        run=mfa_services.reset_factors,
        is_destructive=True,
    )
)
deactivate = confirmation_view(
    UserAction(
        verb="Deactivate",
        warning="All their sessions end at once, and they can't sign in, nor use an API key, until someone "
        "activates the account again. Roles and history stay. Use it when someone is away or has left.",
        success_message="deactivated.",
        run=partial(user_services.update_user, is_active=False),
        is_destructive=True,
    )
)
activate = confirmation_view(
    UserAction(
        verb="Activate",
        warning="They can sign in again, with the roles and the password that they had.",
        success_message="activated.",
        run=partial(user_services.update_user, is_active=True),
    )
)
delete = confirmation_view(
    UserAction(
        verb="Delete",
        warning="The account is taken out of use for good: its sessions end, its API keys are revoked, its roles "
        "are removed and it leaves every list. Its history stays in the audit log under its username, which is never "
        "reused. This can't be undone.",
        success_message="deleted.",
        run=_delete,
        permission=USER_DELETE,
        is_destructive=True,
        keeps_user=False,
        form=DeleteUserForm,
    )
)


@requires(USER_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def reset_password(request: PageRequest, user_id: int) -> HttpResponse:
    """Mail a link to choose a new password, or set one that must be changed."""
    user = get_user_or_404(request, user_id)
    back = safe_next_url(request, reverse("user", args=[user.pk]))
    form = bind_form(ResetPasswordForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, _reset_password(request.user, user, form.cleaned_data))
            return htmx_redirect(request, back)
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "person": user,
        "beyond": missing_permissions(request.user, user),
        "is_own": user.pk == request.user.pk,
        "next": back,
        "crumbs": user_breadcrumbs(user, "Reset password"),
    }
    page, fragment = "accounts/user_reset_password.html", "accounts/_user_reset_password.html"
    return render_form(request, page, form, context, fragment=fragment)


def _reset_password(actor: User, user: User, values: dict[str, str]) -> str:
    if values["access"] == PASSWORD:
        password_services.reset_password(actor=actor, user_id=user.pk, password=values["password"])
        return f"{user.username} has a new password and must change it at the next sign-in."
    password_services.send_password_reset(actor=actor, user_id=user.pk)
    return f"A link to choose a new password is on its way to {user.email}."
