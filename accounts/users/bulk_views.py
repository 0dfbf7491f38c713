"""Pages that ask before something is done to several users, and then do it as far as it is allowed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
#: So many refusals are named in the message; the audit log has them all.
MAX_NAMED_REFUSALS = 5
#: So many are listed on the page that asks.
MAX_LISTED_USERS = 100


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What is done to several users: in words, and the service that does it."""

    verb: str
    consequence: str
    #: Says how many `{users}` it was done to, and which `{role}`.
    done: str
    run: Callable[..., BulkOutcome]
    takes_role: bool = False
    is_destructive: bool = False


def confirmation_view(step: BulkAction) -> View:
    """The view that asks (GET) and does (POST)."""

    @requires(USER_UPDATE)
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: PageRequest) -> HttpResponse:
        back = safe_next_url(request, reverse("users"))
        selection = SelectionForm(request.POST if request.method == "POST" else request.GET)
        if not selection.is_valid():
            return _refuse(request, back, *(sentence for found in selection.errors.values() for sentence in found))
        people = selection.people(User.objects.visible_to(request.user))
        ids = list(people.order_by("pk").values_list("pk", flat=True)[: MAX_BULK_USERS + 1])
        if not ids:
            return _refuse(request, back, "There is nobody to change: nobody matches any more.")
        if len(ids) > MAX_BULK_USERS:
            return _refuse(
                request, back, f"At most {MAX_BULK_USERS:,} users can be changed at once. Narrow the filters."
            )
        form = _bound_form(request, step)
        if request.method == "POST" and form.is_valid():
            if selection.cleaned_data["matching"] and form.cleaned_data["seen"] != selection_digest(ids):
                form.add_error(None, "Other users match now than when you looked. Look again before you go on.")
                return _render_confirmation(request, step, form, selection=selection, ids=ids, back=back)
            try:
                outcome = step.run(actor=request.user, user_ids=ids, **_arguments(form))
                _show_outcome(request, step, outcome, _role_name(form))
                return htmx_redirect(request, back)
            except DomainError as refusal:
                form.add_refusal(refusal)
        return _render_confirmation(request, step, form, selection=selection, ids=ids, back=back)

    return view


def selection_digest(ids: list[int]) -> str:
    """Tells one set of users from another, so that nobody is changed who was not on the page that asked."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


def _render_confirmation(
    request: PageRequest, step: BulkAction, form: SelectionForm, *, selection: SelectionForm, ids: list[int], back: str
) -> HttpResponse:
    matching = selection.cleaned_data["matching"]
    shown = User.objects.visible_to(request.user).filter(pk__in=ids[:MAX_LISTED_USERS]).with_roles()
    context = {
        "step": step,
        "count": len(ids),
        "people": [(person, missing_permissions(request.user, person)) for person in shown],
        "selected": [] if matching else ids,
        "matching": selection.data.get("matching", ""),
        "filters": matching.given.items() if matching else (),
        "seen": selection_digest(ids),
        "next": back,
        "crumbs": [("Users", reverse("users")), (f"{step.verb} users", None)],
    }
    return render_form(request, "accounts/user_bulk.html", form, context, fragment="accounts/_user_bulk.html")


def _refuse(request: PageRequest, back: str, *sentences: Any) -> HttpResponse:
    messages.error(request, " ".join(map(str, sentences)))
    return htmx_redirect(request, back)


def _bound_form(request: PageRequest, step: BulkAction) -> SelectionForm:
    typed = request.POST if request.method == "POST" else None
    return BulkRoleForm(typed, actor=request.user) if step.takes_role else SelectionForm(typed)


def _arguments(form: SelectionForm) -> dict[str, Any]:
    return {"role": form.cleaned_data["role"]} if isinstance(form, BulkRoleForm) else {}


def _role_name(form: SelectionForm) -> str:
    return form.role_names[form.cleaned_data["role"]] if isinstance(form, BulkRoleForm) else ""


def _show_outcome(request: PageRequest, step: BulkAction, outcome: BulkOutcome, role: str) -> None:
    count = len(outcome.done)
    counted = f"{count} user{'' if count == 1 else 's'}"
    sentence = step.done.format(users=counted, role=role) if count else "Nobody was changed."
    if not outcome.refused:
        messages.success(request, sentence)
        return
    named = [f"{name} ({reason})" for name, reason in list(outcome.refused.items())[:MAX_NAMED_REFUSALS]]
    more = len(outcome.refused) - len(named)
    named += [f"{more} more"] if more else []
    messages.warning(request, f"{sentence} Refused: {', '.join(named)}.")


def _activate(*, actor: User, user_ids: list[int]) -> BulkOutcome:
    return bulk.set_active(actor=actor, user_ids=user_ids, is_active=True)


def _deactivate(*, actor: User, user_ids: list[int]) -> BulkOutcome:
    return bulk.set_active(actor=actor, user_ids=user_ids, is_active=False)


activate = confirmation_view(
    BulkAction(
        "Activate",
        "They can sign in again, with the roles and passwords that they had.",
        "{users} activated.",
        _activate,
    )
)
deactivate = confirmation_view(
    BulkAction(
        "Deactivate",
        "All their sessions end at once, and they can't sign in until someone activates them again.",
        "{users} deactivated.",
        _deactivate,
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
    """The selected users as a file."""
    selection = SelectionForm(request.GET)
    if not selection.is_valid():
        sentences = (sentence for found in selection.errors.values() for sentence in found)
        return _refuse(request, safe_next_url(request, reverse("users")), *sentences)
    matching = selection.cleaned_data["matching"]
    users = selection.people(User.objects.visible_to(request.user))
    filters = matching.given if matching else {"ids": selection.cleaned_data["user"]}
    return csv_response(start_export(actor=request.user, users=users, filters=filters), with_bom=True)
