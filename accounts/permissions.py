"""Permission names, and the marks by which a page view declares who may open it.

`accounts.access.middleware.AccessMiddleware` enforces the marks; a view without one is denied to everybody.
"""

from collections.abc import Callable
from typing import Any, TypeVar

USER_CREATE = "user_create"
USER_READ = "user_read"
USER_UPDATE = "user_update"
USER_DELETE = "user_delete"
ROLE_CREATE = "role_create"
ROLE_READ = "role_read"
ROLE_UPDATE = "role_update"
ROLE_DELETE = "role_delete"
ANALYTICS_READ = "analytics_read"
SETTINGS_READ = "settings_read"
SETTINGS_UPDATE = "settings_update"
SESSION_REVOKE = "session_revoke"

#: Open to everyone; each use says why.
PUBLIC = "public"
#: Open to whoever is signed in, whatever their roles.
SIGNED_IN = "signed_in"
#: As SIGNED_IN, and also to whoever must change their password or set up a second factor first.
SIGNED_IN_TO_CHANGE_PASSWORD = "signed_in_to_change_password"  # noqa: S105

#: As SIGNED_IN, and also to whoever must set up a second factor first.
SIGNED_IN_TO_ADD_FACTOR = "signed_in_to_add_factor"

#: What a denial at Django admin's door names: no permission opens it, the Super Administrator's role does.
ADMIN_SITE = "admin_site"

View = TypeVar("View", bound=Callable[..., Any])


def requires(access: str) -> Callable[[View], View]:
    """Declare a page view's access: a permission's name, or one of the marks above."""

    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark
