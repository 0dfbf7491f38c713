"""Pages that ask for confirmation before they change one user's account."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from accounts.access.reader_rights import missing_permissions, missing_to_close
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs, get_user_or_404
from accounts.mfa import services as mfa_services
from accounts.models import User
from accounts.passwords import services as password_services
from accounts.permissions import SESSION_REVOKE, USER_DELETE, USER_UPDATE
from accounts.sessions import services as session_services
from accounts.users import services as user_services
from accounts.users.allowed_actions import allowed_actions
from accounts.users.erasure import erase_personal_data
from accounts.users.forms import PASSWORD, DeleteUserForm, ResetPasswordForm
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form, safe_next_url
from reprotech.web.toasts import Undo, add_toast


def confirmation_view(
    verb: str,
    warning: str,
    success_message: str,
    run: Callable[..., object],
    *,
    permission: str = USER_UPDATE,
    is_destructive: bool = False,
    undo: str = "",
    keeps_user: bool = True,
    button: str = "",
    form_class: type[ServiceForm] = ServiceForm,
    template: str = "user_action",
    missing: Callable[[User, User], list[str]] = missing_permissions,
) -> Callable[..., HttpResponse]:
    """A page that asks before `run` changes a user; the form's fields are arguments of `run`.

    `run` may return another success message. `button` is its label where it isn't the verb and the name; with
    `keeps_user` the user's page exists afterwards. `undo` is the action that takes it back. `missing` says which
    permissions the reader lacks for it.
    """
    action = {"verb": verb, "warning": warning, "is_destructive": is_destructive, "button": button}

    @requires(permission, FORM)
    def view(request: PageRequest, user_id: int) -> HttpResponse:
        user = get_user_or_404(request, user_id)
        user_page = reverse("user", args=[user.pk])
        back = safe_next_url(request, user_page)
        form = bind_form(form_class, request)
        if request.method == "POST" and form.is_valid():
            try:
                done = run(actor=request.user, user_id=user.pk, **form.cleaned_data)
                sentence = done if isinstance(done, str) else f"User {user.username} {success_message}"
                can_undo = undo and isinstance(done, User) and _has_changed(request.user, user, done, verb, undo)
                undoing = Undo(reverse(f"{undo}_user", args=[user.pk]), {"next": back}) if can_undo else None
                add_toast(request, messages.SUCCESS, sentence, undoing)
                is_on_user_page = f"{back.partition('?')[0]}/".startswith(f"{user_page}/")
                return htmx_redirect(request, "users" if is_on_user_page and not keeps_user else back)
            except DomainError as refusal:
                form.add_refusal(refusal)
        context = {
            "action": action,
            "person": user,
            "beyond": missing(request.user, user),
            "is_own": user.pk == request.user.pk,
            "next": back,
            "crumbs": breadcrumbs("user", user, button or verb),
        }
        page, fragment = f"accounts/{template}.html", f"accounts/_{template}.html"
        return render_form(request, page, form, context, fragment=fragment)

    return view


def _has_changed(actor: User, before: User, after: User, verb: str, undo: str) -> bool:
    """Whether the action was possible before and its opposite is now.

    To unlock who wasn't locked, say, isn't undone by locking them.
    """
    return verb.lower() in allowed_actions(actor, before) and undo in allowed_actions(actor, after)


def _delete(*, actor: User, user_id: int, erase: bool) -> None:
    if erase:
        erase_personal_data(actor=actor, user_id=user_id)
    else:
        user_services.delete_user(actor=actor, user_id=user_id)


def _reset_password(*, actor: User, user_id: int, access: str, password: str = "") -> str:
    """Mail a link to choose a new password, or set one that must be changed."""
    if access == PASSWORD:
        user = password_services.reset_password(actor=actor, user_id=user_id, password=password)
        return f"{user.username} has a new password and must change it at the next sign-in."
    user = password_services.send_password_reset(actor=actor, user_id=user_id)
    return f"A link to choose a new password is on its way to {user.email}."


def _sign_out_everywhere(*, actor: User, user_id: int) -> str:
    ended = session_services.end_user_sessions(actor=actor, user_id=user_id)
    return f"{ended} session{'' if ended == 1 else 's'} ended."


sign_out_everywhere = confirmation_view(
    verb="Sign out",
    button="Sign out everywhere",
    warning="All their sessions end at once, in browsers and in scripts that use a token of theirs. They can sign in "
    "again, and their API keys keep working: lock the account to stop both.",
    success_message="",
    run=_sign_out_everywhere,
    missing=missing_to_close,
    permission=SESSION_REVOKE,
    is_destructive=True,
)
lock = confirmation_view(
    verb="Lock",
    warning="All their sessions end at once, in browsers and in scripts, and they can't sign in, nor use an "
    "API key, until someone unlocks the account. Use it when an account may be in the wrong hands.",
    success_message="locked.",
    run=user_services.lock_user,
    missing=missing_to_close,
    undo="unlock",
    is_destructive=True,
)
unlock = confirmation_view(
    verb="Unlock",
    warning="They can sign in again with their password, also after too many failed attempts.",
    success_message="unlocked.",
    run=user_services.unlock_user,
    undo="lock",
)
reset_factors = confirmation_view(
    verb="Turn off two-factor authentication for",
    button="Turn off two-factor authentication",
    warning="Their authenticator app, passkeys and recovery codes are removed, all their sessions end and "
    "their API keys are revoked. They sign in with the password alone until they set up a second factor again. Use "
    "it when someone lost their phone or key, and only once you are sure who is asking.",
    success_message="no longer has two-factor authentication.",
    run=mfa_services.reset_factors,
    is_destructive=True,
)
deactivate = confirmation_view(
    verb="Deactivate",
    warning="All their sessions end at once, and they can't sign in, nor use an API key, until someone "
    "activates the account again. Roles and history stay. Use it when someone is away or has left.",
    success_message="deactivated.",
    run=partial(user_services.update_user, is_active=False),
    missing=missing_to_close,
    undo="activate",
    is_destructive=True,
)
activate = confirmation_view(
    verb="Activate",
    warning="They can sign in again, with the roles and the password that they had.",
    success_message="activated.",
    run=partial(user_services.update_user, is_active=True),
    undo="deactivate",
)
delete = confirmation_view(
    verb="Delete",
    warning="The account is taken out of use for good: its sessions end, its API keys are revoked, its roles "
    "are removed and it leaves every list. Its history stays in the audit log under its username, which is never "
    "reused. This can't be undone.",
    success_message="deleted.",
    run=_delete,
    permission=USER_DELETE,
    is_destructive=True,
    keeps_user=False,
    form_class=DeleteUserForm,
)
reset_password = confirmation_view(
    verb="Reset password",
    warning="",
    success_message="",
    run=_reset_password,
    button="Reset password",
    form_class=ResetPasswordForm,
    template="user_reset_password",
)
