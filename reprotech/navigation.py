"""The sidebar, the colour scheme and other context of the page layout."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from accounts.access.required_actions import required_action_for
from accounts.models import User
from accounts.permissions import ROLE_READ, SETTINGS_READ, USER_READ, USER_UPDATE
from accounts.preferences.services import preferences_of
from accounts.users.default_data import has_documented_password
from audit.permissions import AUDIT_READ
from reprotech.core.actors import SignedInUser
from reprotech.core.request_context import current_origin
from reprotech.web.access import POST, PUBLIC, SIGNED_IN, requires
from reprotech.web.responses import safe_next_url

SCHEMES = ("auto", "light", "dark")
SCHEME_COOKIE, COOKIE_SECONDS = "reprotech_scheme", 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    url_name: str
    icon: str
    access: str
    #: Pressed after g, it opens the page.
    key: str
    #: A second permission that the page needs.
    also: str = SIGNED_IN


ENTRIES = (
    Entry("Dashboard", "home", icon="layout-dashboard", access=SIGNED_IN, key="d"),
    Entry("Users", "users", icon="users", access=USER_READ, key="u"),
    Entry("Roles", "roles", icon="shield", access=ROLE_READ, key="r"),
    Entry("Permissions", "permissions", icon="key-round", access=ROLE_READ, key="p"),
    Entry("Exclusions", "exclusions", icon="scale", access=ROLE_READ, key="x"),
    Entry("Requests", "requests", icon="hand", access=USER_UPDATE, key="q"),
    Entry("Applications", "applications", icon="app-window", access=SETTINGS_READ, key="l"),
    Entry("Access reviews", "reviews", icon="clipboard-check", access=USER_READ, key="v"),
    Entry("Access history", "access", icon="calendar-search", access=AUDIT_READ, key="c", also=USER_READ),
    Entry("Audit log", "audit", icon="scroll-text", access=AUDIT_READ, key="a"),
    Entry("Settings", "settings", icon="settings", access=SETTINGS_READ, key="s"),
)


class PermissionFlags:
    """`{% if may.USER_READ %}` in templates: whether the user has the permission of this constant."""

    def __init__(self, user: SignedInUser) -> None:
        self._user = user

    def __getattr__(self, constant: str) -> bool:
        return bool(self._user.has_perm(constant.lower()))


def chosen_scheme(request: HttpRequest) -> str:
    scheme = request.COOKIES.get(SCHEME_COOKIE, "auto")
    return scheme if scheme in SCHEMES else "auto"


def static_error_page(request: HttpRequest, status: int, title: str, advice: str) -> HttpResponse:
    """Rendered without the request, so that no context processor runs: they would need the session and the user."""
    context = {
        "status": int(status),
        "title": title,
        "advice": advice,
        "scheme": chosen_scheme(request),
        "path": request.get_full_path() if request.method in {"GET", "HEAD"} else "",
        "request_id": current_origin().request_id,
    }
    return HttpResponse(render_to_string("error_static.html", context), status=status)


@requires(PUBLIC, POST)  # a choice of colours, kept in a cookie
def choose_scheme(request: HttpRequest) -> HttpResponse:
    response = redirect(safe_next_url(request))
    chosen = request.POST.get("scheme")
    if chosen in SCHEMES:
        response.set_cookie(
            SCHEME_COOKIE, chosen, max_age=COOKIE_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure()
        )
    return response


def layout_context(request: HttpRequest) -> dict[str, object]:
    """Context processor: the sidebar's entries and the colour scheme."""
    context: dict[str, object] = {"scheme": chosen_scheme(request), "schemes": SCHEMES, "lab_name": settings.LAB_NAME}
    # Errors may be answered before the user is known, by middleware that runs first.
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        # Before it is done, other pages only lead back to it.
        action = required_action_for(user, SIGNED_IN)
        context |= {"may": PermissionFlags(user), "required_action": action, "sign_ins_left": _sign_ins_left(user)}
        # Read when the first time is shown: parts of pages without any need no query for it.
        context["time_zone"] = SimpleLazyObject(lambda: preferences_of(user).time_zone)
        context["has_documented_password"] = has_documented_password(user)
        context["navigation"] = [
            {
                "label": entry.label,
                "url": url,
                "icon": entry.icon,
                "key": entry.key,
                "is_open": _is_open(request.path, url),
            }
            for entry in ENTRIES
            if not action and user.has_perms({entry.access, entry.also} - {SIGNED_IN})
            for url in [reverse(entry.url_name)]
        ]
    return context


def _sign_ins_left(user: User) -> int | None:
    """Without the second factor that a role requires; None for all whom that doesn't concern, or no longer helps."""
    if not user.factor_grace_used or user.must_add_factor or user.second_factors:
        return None
    return max(settings.MFA_GRACE_SIGN_INS - user.factor_grace_used, 0)


def _is_open(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(f"{url}/"))
