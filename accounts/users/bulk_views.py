"""Pages that ask for confirmation before they change several users, as far as that is allowed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.common.requests import PageRequest
from accounts.models import User
from accounts.permissions import USER_READ, USER_UPDATE
from accounts.roles.effective_permissions import missing_permissions
from accounts.users import bulk
from accounts.users.bulk import BulkOutcome
from accounts.users.csv.export import start_export
from accounts.users.csv.parser import csv_response
from accounts.users.forms import MAX_BULK_USERS, BulkRoleForm, SelectionForm
from reprotech.core.exceptions import DomainError
from reprotech.web.access import requires
from reprotech.web.responses import htmx_redirect, render_form, safe_next_url

View = Callable[..., HttpResponseBase]
#: Refusals that the message names; the audit log has them all.
MAX_NAMED_REFUSALS = 5
#: Users listed on the confirmation page.
MAX_LISTED_USERS = 100


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What is done to several users: the page's sentences and the service."""

    verb: str
    warning: str
    #: With the placeholders `{users}` and `{role}`.
    success_message: str
    run: Callable[..., BulkOutcome]
    takes_role: bool = False
    is_destructive: bool = False


def confirmation_view(action: BulkAction) -> View:
    @requires(USER_UPDATE)
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: PageRequest) -> HttpResponse:
        back = safe_next_url(request, reverse("users"))
        selection = SelectionForm(request.POST if request.method == "POST" else request.GET)
        if not selection.is_valid():
            return _refuse_selection(request, selection)
        users = selection.users(User.objects.visible_to(request.user))
        # One more than allowed shows that there are too many, without a count of all.
        ids = list(users.order_by("pk").values_list("pk", flat=True)[: MAX_BULK_USERS + 1])
        if not ids:
            return _refuse(request, back, "No users match any more. Nothing was changed.")
        if len(ids) > MAX_BULK_USERS:
            return _refuse(
                request, back, f"At most {MAX_BULK_USERS:,} users can be changed at once. Narrow the filters."
            )
        form = _bound_form(request, action)
        if request.method == "POST" and form.is_valid():
            if selection.cleaned_data["matching"] and form.cleaned_data["seen"] != selection_digest(ids):
                form.add_error(
                    None, "Other users match now than when you looked. Check them again before you continue."
                )
                return _render_confirmation(request, action, form, selection=selection, ids=ids, back=back)
            try:
                role = {"role": form.cleaned_data["role"]} if isinstance(form, BulkRoleForm) else {}
                outcome = action.run(actor=request.user, user_ids=ids, **role)
                role_name = form.role_names[role["role"]] if isinstance(form, BulkRoleForm) else ""
                _show_outcome(request, action, outcome, role_name)
                return htmx_redirect(request, back)
            except DomainError as refusal:
                form.add_refusal(refusal)
        return _render_confirmation(request, action, form, selection=selection, ids=ids, back=back)

    return view


def selection_digest(ids: list[int]) -> str:
    # Only users that the confirmation page was about may be changed, even if others match the filters by now.
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


def _render_confirmation(
    request: PageRequest,
    action: BulkAction,
    form: SelectionForm,
    *,
    selection: SelectionForm,
    ids: list[int],
    back: str,
) -> HttpResponse:
    matching = selection.cleaned_data["matching"]
    shown = User.objects.visible_to(request.user).filter(pk__in=ids[:MAX_LISTED_USERS]).with_roles()
    context = {
        "action": action,
        "count": len(ids),
        "people": [(user, missing_permissions(request.user, user)) for user in shown],
        "selected": [] if matching else ids,
        "matching": selection.data.get("matching", ""),
        "filters": matching.given.items() if matching else (),
        "seen": selection_digest(ids),
        "next": back,
        "crumbs": [("Users", reverse("users")), (f"{action.verb} users", None)],
    }
    return render_form(request, "accounts/user_bulk.html", form, context, fragment="accounts/_user_bulk.html")


def _refuse(request: PageRequest, back: str, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return htmx_redirect(request, back)


def _refuse_selection(request: PageRequest, selection: SelectionForm) -> HttpResponse:
    sentences = (str(sentence) for errors in selection.errors.values() for sentence in errors)
    return _refuse(request, safe_next_url(request, reverse("users")), " ".join(sentences))


def _bound_form(request: PageRequest, action: BulkAction) -> SelectionForm:
    data = request.POST if request.method == "POST" else None
    return BulkRoleForm(data, actor=request.user) if action.takes_role else SelectionForm(data)


def _show_outcome(request: PageRequest, action: BulkAction, outcome: BulkOutcome, role: str) -> None:
    count = len(outcome.done)
    counted = f"{count} user{'' if count == 1 else 's'}"
    sentence = action.success_message.format(users=counted, role=role) if count else "No user was changed."
    if not outcome.refused:
        messages.success(request, sentence)
        return
    named = [f"{name} ({reason})" for name, reason in list(outcome.refused.items())[:MAX_NAMED_REFUSALS]]
    more = len(outcome.refused) - len(named)
    named += [f"{more} more"] if more else []
    messages.warning(request, f"{sentence} Refused: {', '.join(named)}.")


activate = confirmation_view(
    BulkAction(
        "Activate",
        "They can sign in again, with the roles and passwords that they had.",
        "{users} activated.",
        partial(bulk.set_active, is_active=True),
    )
)
deactivate = confirmation_view(
    BulkAction(
        "Deactivate",
        "All their sessions end at once, and they can't sign in until someone activates them again.",
        "{users} deactivated.",
        partial(bulk.set_active, is_active=False),
        is_destructive=True,
    )
)
assign_role = confirmation_view(
    BulkAction(
        "Assign a role to",
        "They keep the roles that they have. The change takes effect with their next click.",
        "{role} assigned to {users}.",
        bulk.assign_role,
        takes_role=True,
    )
)
remove_role = confirmation_view(
    BulkAction(
        "Remove a role from",
        "They keep their other roles. The change takes effect with their next click.",
        "{role} removed from {users}.",
        bulk.remove_role,
        takes_role=True,
        is_destructive=True,
    )
)


@requires(USER_READ)
@require_safe
def export_selected(request: PageRequest) -> HttpResponseBase:
    selection = SelectionForm(request.GET)
    if not selection.is_valid():
        return _refuse_selection(request, selection)
    matching = selection.cleaned_data["matching"]
    users = selection.users(User.objects.visible_to(request.user))
    filters = matching.given if matching else {"ids": selection.cleaned_data["user"]}
    return csv_response(start_export(actor=request.user, users=users, filters=filters), with_bom=True)
