"""Pages to create and revoke API keys, one's own and other users'."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts.api_keys import services as api_key_services
from accounts.api_keys.forms import KeyForm
from accounts.common.requests import PageRequest
from accounts.common.shortcuts import breadcrumbs, get_user_or_404
from accounts.core.exceptions import OwnerOnly
from accounts.models import User
from accounts.permissions import USER_UPDATE
from accounts.roles.application_permissions import permission_choices
from reprotech.core.exceptions import DomainError
from reprotech.web.access import FORM, SIGNED_IN, requires
from reprotech.web.responses import bind_form, htmx_redirect, render_form, render_page

CONFLICT = 409


@requires(SIGNED_IN, FORM)
def create_own_key(request: PageRequest) -> HttpResponse:
    return _create(request, request.user, "own_keys")


@requires(SIGNED_IN, FORM)
def revoke_own_key(request: PageRequest, key_id: UUID) -> HttpResponse:
    return _revoke(request, request.user, key_id, "own_keys")


@requires(USER_UPDATE, FORM)
def create_key(request: PageRequest, user_id: int) -> HttpResponse:
    return _create(request, get_user_or_404(request, user_id), "user_keys")


@requires(USER_UPDATE, FORM)
def revoke_key(request: PageRequest, user_id: int, key_id: UUID) -> HttpResponse:
    return _revoke(request, get_user_or_404(request, user_id), key_id, "user_keys")


def _context(request: PageRequest, owner: User, page: str, step: str) -> dict[str, object]:
    """Of a step that begins and ends at a list of keys, `own_keys` or `user_keys`."""
    is_profile = page == "own_keys"
    back = reverse(page, args=[] if is_profile else [owner.pk])
    crumbs = [("Profile", reverse("profile")), (step, None)] if is_profile else breadcrumbs("user", owner, step)
    return {"owner": owner, "is_own": owner.pk == request.user.pk, "back": back, "crumbs": crumbs}


def _create(request: PageRequest, owner: User, page: str) -> HttpResponse:
    context = _context(request, owner, page, "New API key")
    if not owner.may_get_key_from(request.user.pk):
        refused = {**context, "refusal": OwnerOnly().message}
        return render_page(request, "accounts/api_key_refused.html", refused, status=CONFLICT)
    form = bind_form(KeyForm, request, owner=owner)
    if request.method == "POST" and form.is_valid():
        try:
            made = api_key_services.create_key(actor=request.user, user_id=owner.pk, **form.cleaned_data)
            # Not a redirect: the key would have to be stored until the next request.
            return render(
                request, "accounts/api_key_created.html", {**context, "made": made, "url": settings.PUBLIC_URL}
            )
        except DomainError as refusal:
            form.add_refusal(refusal)
    context |= permission_choices(form.chosen, offered=owner.grants.permissions)
    return render_form(request, "accounts/api_key_form.html", form, context)


def _revoke(request: PageRequest, owner: User, key_id: UUID, page: str) -> HttpResponse:
    key = get_object_or_404(owner.api_keys.unrevoked(), pk=key_id)
    context = {"key": key, **_context(request, owner, page, "Revoke API key")}
    if request.method == "POST":
        api_key_services.revoke_key(actor=request.user, user_id=owner.pk, key_id=key.pk)
        messages.success(request, f"API key {key.name} revoked.")
        return htmx_redirect(request, str(context["back"]))
    return render_page(request, "accounts/api_key_revoke.html", context, fragment="accounts/_api_key_revoke.html")
