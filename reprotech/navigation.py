"""The sidebar, and other context of the page layout."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from accounts.permissions import ROLE_READ, USER_READ
from audit.permissions import AUDIT_READ
from reprotech.core.actors import SignedInUser
from reprotech.web.access import SIGNED_IN

SCHEMES = ("auto", "light", "dark")
SCHEME_COOKIE = "reprotech_scheme"


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    url_name: str
    icon: str
    access: str
    #: Pressed after g, it opens the page.
    key: str

    def shown_to(self, user: SignedInUser) -> bool:
        return self.access == SIGNED_IN or user.has_perm(self.access)


ENTRIES = (
    Entry("Dashboard", "home", icon="layout-dashboard", access=SIGNED_IN, key="d"),
    Entry("Users", "users", icon="users", access=USER_READ, key="u"),
    Entry("Roles", "roles", icon="shield", access=ROLE_READ, key="r"),
    Entry("Permissions", "permissions", icon="key-round", access=ROLE_READ, key="p"),
    Entry("Audit log", "audit", icon="scroll-text", access=AUDIT_READ, key="a"),
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


def layout_context(request: HttpRequest) -> dict[str, object]:
    """Context processor: the sidebar's entries and the colour scheme."""
    context: dict[str, object] = {"scheme": chosen_scheme(request), "schemes": SCHEMES}
    # Errors may be answered before the user is known, by middleware that runs first.
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context["may"] = PermissionFlags(user)
        context["navigation"] = [
            {
                "label": entry.label,
                "url": url,
                "icon": entry.icon,
                "key": entry.key,
                "is_open": _is_open(request.path, url),
            }
            for entry in ENTRIES
            if entry.shown_to(user)
            for url in [reverse(entry.url_name)]
        ]
    return context


def _is_open(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(f"{url}/"))
