"""Django admin behind our own sign-in, for Super Administrators alone."""

import re
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.access.authorization import TARGET_MODELS, Target
from accounts.access.middleware import redirect_to_required_action, redirect_to_sign_in
from accounts.access.required_actions import required_action_for
from accounts.permissions import ADMIN_SITE
from audit.authorization import record_denial
from reprotech.core.exceptions import Forbidden

OBJECT_ID = re.compile(r"[0-9]{1,18}")


class ReprotechAdminSite(AdminSite):
    site_header = "Reprotech administration"
    site_title = "Reprotech"
    index_title = "Records"
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the request's user is a Super Administrator without a required action first."""
        user = request.user
        return bool(user.is_authenticated and user.is_staff and not required_action_for(user, ADMIN_SITE))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Visitors go to our sign-in, users without the permission get a 403 and an audit event."""
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not self.has_permission(request):
                return self._refuse(request)
            response: HttpResponse = guarded(request, *args, **kwargs)
            return response

        return inner

    def login(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:  # noqa: ARG002
        # Django's own form knows no lockout and no second factor.
        return self._refuse(request) if request.user.is_authenticated else redirect_to_login("/admin/")

    def logout(self, request: HttpRequest, extra_context: object = None) -> Any:  # noqa: ARG002
        return redirect("logout", preserve_request=True)

    def password_change(self, request: HttpRequest, extra_context: object = None) -> Any:  # noqa: ARG002
        # Django's own would apply no password policy of ours and leave no audit event.
        return redirect("change_password")

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return redirect_to_sign_in(request)
        if action := required_action_for(user, ADMIN_SITE):
            return redirect_to_required_action(request, action)
        if self.has_permission(request):
            return redirect("admin:index")
        denial = Forbidden(ADMIN_SITE, _about(request))
        record_denial(user, denial)
        raise PermissionDenied(denial)


def _about(request: HttpRequest) -> Target | None:
    """The account or role of the requested page."""
    match = request.resolver_match
    if match is None or not OBJECT_ID.fullmatch(str(match.kwargs.get("object_id", ""))):
        return None
    for resource, model in TARGET_MODELS.items():
        if (match.url_name or "").startswith(f"{model._meta.app_label}_{resource}_"):
            return Target(resource, int(match.kwargs["object_id"]))
    return None
