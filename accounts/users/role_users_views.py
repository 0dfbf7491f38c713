"""Adding users to a role, and removing one, from the role's own page."""

import re
from dataclasses import dataclass
from functools import partial

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxLengthValidator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.access.authorization import Target
from accounts.access.reader_rights import missing_to_assign
from accounts.common.forms import ServiceForm
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs, get_user_or_404
from accounts.core.catalogue import in_catalogue_order
from accounts.core.email_addresses import lookup_address
from accounts.models import Role, User
from accounts.permissions import ROLE_READ, USER_READ, USER_UPDATE
from accounts.users import bulk
from accounts.users.bulk_views import show_outcome, undo_for
from accounts.users.forms import UserIdsField
from audit.authorization import record_denial
from reprotech.core.exceptions import DomainError, Forbidden
from reprotech.web.access import FORM, requires
from reprotech.web.pagination import MAX_PER_PAGE
from reprotech.web.responses import bind_form, htmx_redirect, render_form
from reprotech.web.toasts import Undo, add_toast

#: Users offered at once; a search finds the others.
MAX_CANDIDATES = 20
#: Letters of a search, as in the list of users.
MAX_TERM = 200
#: Of a list of names.
MAX_LIST = 5000
#: Between the names of a list, such as one pasted from a mail.
SEPARATORS = re.compile("[,;\n]")


@dataclass(frozen=True, slots=True)
class Candidate:
    user: User
    is_chosen: bool
    #: What the role would give them that no other role of theirs does.
    gained: list[str]
    #: What they hold and the reader lacks: while there is any, the service refuses.
    beyond: list[str]


class AddUsersForm(ServiceForm):
    #: A part of a name or address, or a list of whole usernames and addresses.
    search = forms.CharField(required=False)
    user = UserIdsField(required=False)

    def clean_search(self) -> str:
        term: str = self.cleaned_data["search"]
        MaxLengthValidator(MAX_LIST if SEPARATORS.search(term) else MAX_TERM)(term)
        return term


@requires(USER_UPDATE, FORM)
def add_users(request: PageRequest, role_id: int) -> HttpResponse:
    """Users to tick, found as one types; a search keeps those that are ticked."""
    role = _role(request, role_id)
    is_sent = request.method == "POST"
    form = AddUsersForm(request.POST if is_sent else request.GET)
    ids = form.cleaned_data["user"] if form.is_valid() else []
    if is_sent and form.is_valid() and not ids:
        form.add_error("user", "Select at least one user.")
    if is_sent and form.is_valid():
        try:
            outcome = bulk.assign_role(actor=request.user, user_ids=ids, role=role.slug)
            undo = undo_for("remove_role", outcome, role, reverse("role", args=[role.pk]))
            show_outcome(request, outcome, partial("{role} assigned to {users}.".format, role=role), undo)
            return htmx_redirect(request, "role", role.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    term = form.cleaned_data.get("search", "")
    names = _listed_names(term)
    found = _candidates(request.user, role, ids, term, names)
    shown = found if names else found[: sum(one.is_chosen for one in found) + MAX_CANDIDATES]
    context = {
        "role": role,
        "candidates": shown,
        "has_more": len(found) > len(shown),
        "term": term,
        "names": names,
        "unmatched": _unmatched(names, found),
        "beyond_reader": missing_to_assign(request.user, role),
        "crumbs": breadcrumbs("role", role, "Add users"),
    }
    return render_form(request, "accounts/role_users_add.html", form, context, fragment="accounts/_role_users_add.html")


def _listed_names(term: str) -> list[str]:
    """The names of a list; none where the term is a part of one."""
    names = [name.strip() for name in SEPARATORS.split(term)]
    return [name for name in names if name][:MAX_PER_PAGE] if len(names) > 1 else []


def _unmatched(names: list[str], found: list[Candidate]) -> list[str]:
    """The listed names that nobody has, or only users who have the role already."""
    known = {name.lower() for one in found for name in (one.user.username, one.user.email)}
    return [name for name in names if name.lower() not in known and lookup_address(name) not in known]


def _candidates(actor: User, role: Role, ids: list[int], term: str, names: list[str]) -> list[Candidate]:
    """Those who are ticked, then one more than fit of those who don't have the role yet and match."""
    visible = User.objects.visible_to(actor)
    without = visible.exclude(pk__in=role.user_grants.current().values("user"))
    others = without.exclude(pk__in=ids)
    if names:
        others = others.known_as_any(names)
    elif term:
        others = others.search(term)
    others = others.with_roles().order_by("pk")[: MAX_PER_PAGE if names else MAX_CANDIDATES + 1]
    chosen = without.filter(pk__in=ids).with_roles().order_by("pk")
    given = set(role.permission_names)
    return [
        Candidate(
            user,
            is_chosen,
            in_catalogue_order(given - set(user.grants.permissions)),
            missing_to_assign(actor, role, user),
        )
        for is_chosen, users in ((True, chosen), (False, others))
        for user in users
    ]


@requires(USER_UPDATE, FORM)
def remove_user(request: PageRequest, role_id: int, user_id: int) -> HttpResponse:
    """A page that asks before one user loses the role."""
    role = _role(request, role_id)
    user = get_user_or_404(request, user_id)
    others = [held for held in user.roles.all() if held != role]
    if len(others) == len(user.roles.all()):
        messages.info(request, f"{user.username} doesn't have the role {role.name} any more.")
        return htmx_redirect(request, "role", role.pk)
    form = bind_form(ServiceForm, request)
    if request.method == "POST" and form.is_valid():
        try:
            bulk.change_role(actor=request.user, user_id=user.pk, revoked=role.slug)
            back = reverse("role", args=[role.pk])
            undo = Undo(reverse("assign_role"), {"user": [user.pk], "next": back, "role": role.slug})
            add_toast(request, messages.SUCCESS, f"{role.name} removed from {user.username}.", undo)
            return htmx_redirect(request, "role", role.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    kept = {name for other in others for name in other.permission_names}
    context = {
        "role": role,
        "person": user,
        "others": others,
        "lost": in_catalogue_order(set(role.permission_names) - kept),
        "beyond": missing_to_assign(request.user, role, user),
        "crumbs": [*breadcrumbs("role", role, "Remove user")],
    }
    return render_form(
        request, "accounts/role_users_remove.html", form, context, fragment="accounts/_role_users_remove.html"
    )


def _role(request: PageRequest, role_id: int) -> Role:
    """The role, for readers who may see roles and users; changing users alone doesn't include that."""
    for permission in (ROLE_READ, USER_READ):
        if not request.user.has_perm(permission):
            denial = Forbidden(permission, Target("role", role_id))
            record_denial(request.user, denial)
            raise PermissionDenied(denial)
    role: Role = get_object_or_404(Role.objects.with_permissions(), pk=role_id)
    return role
