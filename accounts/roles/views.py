from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from accounts.access.reader_rights import is_given_by, missing_permissions
from accounts.common.factor_coverage import FactorCoverage, factor_coverage
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs
from accounts.models import Permission, Role, User
from accounts.permissions import ROLE_CREATE, ROLE_DELETE, ROLE_READ, ROLE_UPDATE, USER_READ, USER_UPDATE
from accounts.roles import services as role_services
from accounts.roles.application_permissions import application_groups, permission_choices
from accounts.roles.applications import Registered
from accounts.roles.filters import RoleUserFilter
from accounts.roles.forms import DeleteRoleForm, RoleForm
from accounts.roles.permission_tables import changed_unread, permission_matrix
from reprotech.core.exceptions import DomainError, StaleVersion
from reprotech.core.normalization import fold_text
from reprotech.web.access import FORM, SAFE, requires
from reprotech.web.query_params import QueryParams
from reprotech.web.responses import UNPROCESSABLE, bind_form, htmx_redirect, render_form, render_page


class RoleQuery(QueryParams):
    search = forms.CharField(required=False, max_length=200)

    def matches(self, role: Role) -> bool:
        """Whether each word of the search stands in the role's name or description."""
        text = fold_text(f"{role.name} {role.description}")
        return all(word in text for word in fold_text(self.value("search")).split())


@requires(ROLE_READ, SAFE)
def list_roles(request: PageRequest) -> HttpResponse:
    query = RoleQuery.parse(request.GET)
    roles = Role.objects.with_permissions().with_user_count()
    context = {
        "roles": [role for role in roles if query.matches(role)],
        "total": len(roles),
        "query": query,
        "permission_count": Permission.objects.grantable().count(),
        "crumbs": [("Roles", None)],
    }
    return render_page(request, "accounts/role_list.html", context, fragment="accounts/_role_rows.html")


@requires(ROLE_READ, SAFE)
def show_role(request: PageRequest, role_id: int) -> HttpResponse:
    """A role, its permissions and, for readers of users, a page of its users."""
    role = _find(role_id)
    is_given = is_given_by(request.user, role)
    query = RoleUserFilter.parse(request.GET, role=role)
    page = query.page_of(User.objects.visible_to(request.user)) if request.user.has_perm(USER_READ) else None
    beyond_reader = missing_permissions(request.user, role)
    context = {
        "role": role,
        "matrix": permission_matrix(role.permission_names),
        "application_groups": application_groups(role.permission_names),
        "permission_count": Permission.objects.grantable().count(),
        "applications": Registered.applications.opened_by(role),
        "query": query,
        "page": page,
        "coverage": _coverage(request.user, role) if role.requires_factor else None,
        "beyond_reader": beyond_reader,
        "is_given_by_reader": is_given,
        "changes_users": (is_given or not beyond_reader) and request.user.has_perms([USER_READ, USER_UPDATE]),
        "given_through": list(role.given_through.all()),
        "crumbs": breadcrumbs("role", role),
    }
    return render_page(request, "accounts/role.html", context, fragment="accounts/_role_holders.html")


@requires(ROLE_CREATE, FORM)
def create_role(request: PageRequest) -> HttpResponse:
    form = bind_form(RoleForm, request, actor=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            role = role_services.create_role(actor=request.user, **form.values)
            messages.success(request, f"Role {role.name} created.")
            return htmx_redirect(request, "role", role.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
    return _render_form(request, form)


@requires(ROLE_CREATE, SAFE)
def clone_role(request: PageRequest, role_id: int) -> HttpResponse:
    """The form of a new role with what another holds, as far as the reader may grant that."""
    source = _find(role_id)
    left_out = [name for name in missing_permissions(request.user, source) if name in source.permission_names]
    initial = {
        "name": f"Copy of {source.name}"[:80],
        "description": source.description,
        "requires_factor": source.requires_factor,
        "permissions": [
            permission.name
            for permission in source.permissions.all()
            if permission.name not in left_out and not permission.is_retired
        ],
        "source": source.pk,
    }
    return _render_form(request, RoleForm(initial=initial, actor=request.user), left_out=left_out)


@requires(ROLE_CREATE, FORM)
def review_new_role(request: PageRequest) -> HttpResponse:
    """The difference that creating the role would make, above its form."""
    if request.method != "POST":
        return redirect("new_role")
    return _render_form(request, RoleForm(request.POST, actor=request.user), is_review=True)


@requires(ROLE_UPDATE, FORM)
def edit_role(request: PageRequest, role_id: int) -> HttpResponse:
    role = _find(role_id)
    form = bind_form(RoleForm, request, actor=request.user, record=role)
    if request.method == "POST" and form.is_valid():
        try:
            changed = role_services.update_role(actor=request.user, role_id=role.pk, **form.values)
            messages.success(request, f"Role {changed.name} saved.")
            return htmx_redirect(request, "role", role.pk)
        except DomainError as refusal:
            form.add_refusal(refusal)
            if isinstance(refusal, StaleVersion):
                role = _find(role_id)
                form.catch_up(role)
    return _render_form(request, form, role=role)


@requires(ROLE_UPDATE, FORM)
def review_role(request: PageRequest, role_id: int) -> HttpResponse:
    """The difference that saving the role would make, above its form."""
    if request.method != "POST":
        return redirect("edit_role", role_id)
    role = _find(role_id)
    return _render_form(request, RoleForm(request.POST, actor=request.user, record=role), role=role, is_review=True)


@requires(ROLE_DELETE, FORM)
def delete_role(request: PageRequest, role_id: int) -> HttpResponse:
    role = _find(role_id)
    # Only roles that the reader may assign: the service would refuse the others.
    others = [
        other
        for other in Role.objects.with_permissions()
        if other != role and not missing_permissions(request.user, other)
    ]
    form = bind_form(DeleteRoleForm, request, others=others)
    applications = Registered.applications.opened_by(role)
    form.fields["reassign_to"].required = bool(role.user_count or applications)
    if request.method == "POST" and form.is_valid():
        try:
            reassign_to = form.cleaned_data["reassign_to"] or None
            role_services.delete_role(actor=request.user, role_id=role.pk, reassign_to=reassign_to)
            messages.success(request, f"Role {role.name} deleted.")
            return htmx_redirect(request, "roles")
        except DomainError as refusal:
            form.add_refusal(refusal)
    context = {
        "role": role,
        "beyond_reader": missing_permissions(request.user, role),
        "applications": applications,
        "crumbs": breadcrumbs("role", role, "Delete"),
    }
    return render_form(request, "accounts/role_delete.html", form, context, fragment="accounts/_role_delete.html")


def _find(role_id: int) -> Role:
    return get_object_or_404(Role.objects.with_permissions().with_may_grant().with_user_count(), pk=role_id)


def _coverage(reader: User, role: Role) -> FactorCoverage | None:
    return factor_coverage(reader, role) if reader.has_perm(USER_READ) else None


def _render_form(
    request: PageRequest, form: RoleForm, role: Role | None = None, *, is_review: bool = False, **more: object
) -> HttpResponse:
    """The form's page; for a review with the difference, which is all that htmx swaps in."""
    source = None if role else form.cloned_role
    compared = role or source
    before, after = set(compared.permission_names if compared else ()), set(form.chosen)
    context = {
        "form": form,
        "role": role,
        "source": source,
        "changed_unread": changed_unread(after),
        "chosen_count": len(after),
        **permission_choices(form.chosen, held=before, grantable=request.user.get_all_permissions()),
        "given": list(Permission.objects.filter(name__in=after - before)),
        "taken": list(Permission.objects.filter(name__in=before - after)),
        "is_review": is_review,
        "coverage": _coverage(request.user, role) if role and not is_review else None,
        "beyond_reader": missing_permissions(request.user, role) if role else [],
        "save_url": reverse("edit_role", args=[role.pk]) if role else reverse("new_role"),
        "review_url": reverse("review_role", args=[role.pk]) if role else reverse("review_new_role"),
        "crumbs": breadcrumbs("role", role, "Edit" if role else "New role"),
        **more,
    }
    fragment = "accounts/_role_change.html" if is_review else None
    status = UNPROCESSABLE if form.errors else 200
    return render_page(request, "accounts/role_form.html", context, fragment=fragment, status=status)
