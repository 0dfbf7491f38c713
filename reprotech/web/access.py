"""How page views declare access. A view that declares nothing is denied to everybody."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.urls import resolve
from django.views.decorators.http import require_http_methods

#: Open to everyone; each use says why.
PUBLIC = "public"
#: Open to every signed-in user, without any permission.
SIGNED_IN = "signed_in"
#: As SIGNED_IN, and also while the password must be changed or a second factor set up first.
SIGNED_IN_TO_CHANGE_PASSWORD = "signed_in_to_change_password"  # noqa: S105
#: As SIGNED_IN, and also while a second factor must be set up first.
SIGNED_IN_TO_ADD_FACTOR = "signed_in_to_add_factor"

#: The methods of a page to read, of one with a form, and of a button.
SAFE, FORM, POST = ("GET", "HEAD"), ("GET", "HEAD", "POST"), ("POST",)

View = TypeVar("View", bound=Callable[..., object])


def requires(access: str, methods: Sequence[str] = ()) -> Callable[[View], View]:
    """Declare a page view's access, a permission's name or one of the marks above, and the methods that it takes.

    Without methods the view itself refuses what it doesn't take.
    """

    def mark(view: View) -> View:
        declared = require_http_methods(list(methods))(view) if methods else view
        declared.access = access  # type: ignore[attr-defined]
        return declared

    return mark


def declared_access(address: str) -> str:
    """What the page view at this path declares."""
    access: str = resolve(address).func.access  # type: ignore[attr-defined]
    return access
