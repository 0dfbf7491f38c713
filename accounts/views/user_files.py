"""Users from a file and to a file."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.errors import Conflict, Invalid
from accounts.exports import export_response
from accounts.filters import UserQuery
from accounts.models import User
from accounts.permissions import USER_CREATE, USER_READ, requires
from accounts.services.imports import MAXIMUM_PASSWORDS, NewUser, import_users
from accounts.user_csv import MAXIMUM_ROWS, PASSED_OVER, read_users
from accounts.user_forms import UploadForm
from reprotech.http import UNPROCESSABLE, PageRequest, go_to, render_page

SHOWN_ROWS = 10
SHOWN_ERRORS = 100


@requires(USER_READ)
@require_safe
def export_all(request: PageRequest) -> HttpResponseBase:
    """All users that the filters let through, as a file."""
    query = UserQuery.parse(request.GET)
    users = query.apply(User.objects.visible_to(request.user))
    return export_response(actor=request.user, users=users, filters=query.given)


@requires(USER_CREATE)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: PageRequest) -> HttpResponse:
    """Take a file and show what would become of it."""
    if request.method != "POST":
        return _render(request, form=UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render(request, form=form, status=UNPROCESSABLE)
    file = form.cleaned_data["file"]
    content = file.read()
    try:
        rows = read_users(content)
        import_users(actor=request.user, rows=rows, dry_run=True)
    except Invalid as refusal:
        return _render(request, form=form, filename=file.name, status=UNPROCESSABLE, **_explained(refusal.errors))
    return _render(request, form=UploadForm(), filename=file.name, text=content.decode("utf-8-sig"), **_preview(rows))


@requires(USER_CREATE)
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: PageRequest) -> HttpResponse:
    """Create the users of a file that was shown; it is checked again, since time has passed."""
    if request.method != "POST":
        return redirect("import_users")
    try:
        rows = read_users(request.POST.get("text", "").encode())
        created = import_users(actor=request.user, rows=rows)
    except Invalid as refusal:
        return _render(request, form=UploadForm(), status=UNPROCESSABLE, **_explained(refusal.errors))
    except Conflict as refusal:
        return _render(request, form=UploadForm(), status=UNPROCESSABLE, **_explained({"file": [refusal.message]}))
    messages.success(request, f"{created:,} user{'' if created == 1 else 's'} created.{_invited(rows)}")
    return go_to(request, f"{reverse('users')}?sort=-created_at" if request.user.has_perm(USER_READ) else "home")


def _invited(rows: list[NewUser]) -> str:
    count = sum(row.password is None for row in rows)
    return f" {count:,} invitation{' is' if count == 1 else 's are'} on the way." if count else ""


def _preview(rows: list[NewUser]) -> dict[str, Any]:
    return {
        "rows": rows[:SHOWN_ROWS],
        "row_count": len(rows),
        "invited_count": sum(row.password is None for row in rows),
        "inactive_count": sum(not row.fields["is_active"] for row in rows),
    }


def _explained(errors: Mapping[str, list[str]]) -> dict[str, Any]:
    """The first of the errors as (where, sentences), and how many there are."""
    return {"errors": list(errors.items())[:SHOWN_ERRORS], "error_count": len(errors)}


def _render(request: PageRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {
        "most_rows": MAXIMUM_ROWS,
        "most_passwords": MAXIMUM_PASSWORDS,
        "passed_over": PASSED_OVER,
        "crumbs": [("Users", reverse("users")), ("Import", None)],
    }
    page, fragment = "accounts/user_import.html", "accounts/_user_import.html"
    return render_page(request, page, context, fragment=fragment, status=status)
