"""Pages that ask for confirmation before they change several users, as far as that is allowed."""

import hashlib
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.access.reader_rights import missing_permissions, missing_to_change_roles, missing_to_close
from accounts.common.requests import PageRequest
from accounts.models import Role, User
from accounts.models.querysets import UserQuerySet
from accounts.permissions import SESSION_REVOKE, USER_READ, USER_UPDATE
from accounts.users import bulk
from accounts.users.bulk import BulkOutcome
from accounts.users.csv.export import csv_response, start_export
from accounts.users.forms import MAX_BULK_USERS, BulkRoleForm, SelectionForm
from reprotech.core.exceptions import Conflict, DomainError
from reprotech.web.access import FORM, SAFE, requires
from reprotech.web.pagination import MAX_PER_PAGE
from reprotech.web.responses import htmx_redirect, render_form, safe_next_url
from reprotech.web.toasts import Undo, add_toast

#: Refusals that the message names; the audit log has them all.
MAX_NAMED_REFUSALS = 5
#: Users listed on the confirmation page.
MAX_LISTED_USERS = 100


def confirmation_view(
    verb: str,
    warning: str,
    success_message: str,
    run: Callable[..., BulkOutcome],
    *,
    undo: str = "",
    permission: str = USER_UPDATE,
    where: str = "",
    takes_role: bool = False,
    is_destructive: bool = False,
    missing: Callable[[User, User], list[str]] = missing_permissions,
) -> Callable[..., HttpResponse]:
    """A page that asks before `run` changes users; `success_message` has the placeholders `{users}` and `{role}`.

    `undo` is the URL name of its opposite, if it has one; `where` follows the users in its title and on its button.
    `missing` says which permissions the reader lacks for it.
    """
    action = {
        "verb": verb,
        "where": where,
        "warning": warning,
        "takes_role": takes_role,
        "is_destructive": is_destructive,
    }

    @requires(permission, FORM)
    def view(request: PageRequest) -> HttpResponse:
        data = request.POST if request.method == "POST" else None
        selection = SelectionForm(request.GET if data is None else data)
        back = safe_next_url(request, reverse("users"))
        try:
            ids = _selected_ids(selection, request.user)
        except Conflict as refusal:
            return _refuse(request, refusal)
        matching, digest = selection.cleaned_data["matching"], selection_digest(ids)
        form = BulkRoleForm(data, actor=request.user) if takes_role else SelectionForm(data)
        if form.is_valid():
            try:
                if matching and form.cleaned_data["seen"] != digest:
                    raise Conflict("Other users match now than when you looked. Check them again before you continue.")
                role: Role | None = form.cleaned_data.get("role")
                outcome = run(actor=request.user, user_ids=ids, **({"role": role.slug} if role else {}))
                undoing = undo_for(undo, outcome, role, back) if role or _may_undo(request.user, outcome) else None
                show_outcome(request, outcome, partial(success_message.format, role=role), undoing)
                return htmx_redirect(request, back)
            except DomainError as refusal:
                form.add_refusal(refusal)
        shown = User.objects.visible_to(request.user).filter(pk__in=ids[:MAX_LISTED_USERS]).with_roles()
        context = {
            "action": action,
            "count": len(ids),
            "people": [(user, missing(request.user, user)) for user in shown],
            "selected": [] if matching else ids,
            "matching": selection.data.get("matching", ""),
            "filters": matching.given.items() if matching else (),
            "seen": digest,
            "next": back,
            "crumbs": [("Users", reverse("users")), (f"{verb} users{where}", None)],
        }
        return render_form(request, "accounts/user_bulk.html", form, context, fragment="accounts/_user_bulk.html")

    return view


def selection_digest(ids: list[int]) -> str:
    # Only users that the confirmation page was about may be changed, even if others match the filters by now.
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


def _selected_ids(selection: SelectionForm, actor: User) -> list[int]:
    # One more than allowed shows that there are too many, without a count of all.
    users = _selected_users(selection, actor).order_by("pk")[: MAX_BULK_USERS + 1]
    ids = list(users.values_list("pk", flat=True))
    if not ids:
        raise Conflict("No users match any more. Nothing was changed.")
    if len(ids) > MAX_BULK_USERS:
        raise Conflict(f"At most {MAX_BULK_USERS:,} users can be changed at once. Narrow the filters.")
    return ids


def _selected_users(selection: SelectionForm, actor: User) -> UserQuerySet:
    if not selection.is_valid():
        raise Conflict(" ".join(str(sentence) for errors in selection.errors.values() for sentence in errors))
    return selection.users(User.objects.visible_to(actor))


def _refuse(request: PageRequest, refusal: Conflict) -> HttpResponse:
    messages.error(request, refusal.message)
    return htmx_redirect(request, safe_next_url(request, reverse("users")))


def _may_undo(actor: User, outcome: BulkOutcome) -> bool:
    """Whether the actor holds all that the changed users hold: to close a door takes less than to open it again."""
    changed = User.objects.visible_to(actor).filter(pk__in=outcome.changed[:MAX_PER_PAGE]).with_roles()
    return not any(missing_permissions(actor, user) for user in changed)


def undo_for(name: str, outcome: BulkOutcome, role: Role | None, back: str) -> Undo | None:
    """The opposite for those who were changed; of more than a form may name there is none."""
    if not name or not 0 < len(outcome.changed) <= MAX_PER_PAGE:
        return None
    return Undo(reverse(name), {"user": outcome.changed, "next": back, **({"role": role.slug} if role else {})})


def show_outcome(
    request: PageRequest, outcome: BulkOutcome, sentence_for: Callable[..., str], undo: Undo | None
) -> None:
    count = len(outcome.done)
    counted = f"{count} user{'' if count == 1 else 's'}"
    sentence = sentence_for(users=counted) if count else "No user was changed."
    if not outcome.refused:
        add_toast(request, messages.SUCCESS, sentence, undo)
        return
    named = [f"{name} ({reason})" for name, reason in list(outcome.refused.items())[:MAX_NAMED_REFUSALS]]
    more = len(outcome.refused) - len(named)
    named += [f"{more} more"] if more else []
    add_toast(request, messages.WARNING, f"{sentence} Refused: {', '.join(named)}.", undo)


activate = confirmation_view(
    "Activate",
    "They can sign in again, with the roles and passwords that they had.",
    "{users} activated.",
    partial(bulk.set_active, is_active=True),
    undo="deactivate_users",
)
deactivate = confirmation_view(
    "Deactivate",
    "All their sessions end at once, and they can't sign in until someone activates them again.",
    "{users} deactivated.",
    partial(bulk.set_active, is_active=False),
    missing=missing_to_close,
    undo="activate_users",
    is_destructive=True,
)
lock = confirmation_view(
    "Lock",
    "All their sessions end at once, in browsers and in scripts, and they can't sign in, nor use an API key, until "
    "someone unlocks them.",
    "{users} locked.",
    bulk.lock,
    missing=missing_to_close,
    undo="unlock_users",
    is_destructive=True,
)
unlock = confirmation_view(
    "Unlock",
    "They can sign in again with their passwords, also after too many failed attempts.",
    "{users} unlocked.",
    bulk.unlock,
    undo="lock_users",
)
sign_out = confirmation_view(
    "Sign out",
    "All their sessions end at once, in browsers and in scripts. They can sign in again, and API keys go on working.",
    "{users} signed out everywhere.",
    bulk.sign_out,
    missing=missing_to_close,
    permission=SESSION_REVOKE,
    where=" everywhere",
    is_destructive=True,
)
assign_role = confirmation_view(
    "Assign a role to",
    "They keep the roles that they have. The change takes effect with their next click.",
    "{role} assigned to {users}.",
    bulk.assign_role,
    missing=missing_to_change_roles,
    undo="remove_role",
    takes_role=True,
)
remove_role = confirmation_view(
    "Remove a role from",
    "They keep their other roles. The change takes effect with their next click.",
    "{role} removed from {users}.",
    bulk.remove_role,
    missing=missing_to_change_roles,
    undo="assign_role",
    takes_role=True,
    is_destructive=True,
)


@requires(USER_READ, SAFE)
def export_selected(request: PageRequest) -> HttpResponseBase:
    selection = SelectionForm(request.GET)
    try:
        users = _selected_users(selection, request.user)
    except Conflict as refusal:
        return _refuse(request, refusal)
    matching = selection.cleaned_data["matching"]
    filters = matching.given if matching else {"ids": selection.cleaned_data["user"]}
    return csv_response(start_export(actor=request.user, users=users, filters=filters), with_bom=True)
