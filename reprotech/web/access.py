"""How page views declare access. A view that declares nothing is denied to everybody."""

from collections.abc import Callable
from typing import TypeVar

from django.urls import resolve

#: Open to everyone; each use says why.
PUBLIC = "public"
#: Open to every signed-in user, without any permission.
SIGNED_IN = "signed_in"
#: As SIGNED_IN, and also while the password must be changed or a second factor set up first.
SIGNED_IN_TO_CHANGE_PASSWORD = "signed_in_to_change_password"  # noqa: S105
#: As SIGNED_IN, and also while a second factor must be set up first.
SIGNED_IN_TO_ADD_FACTOR = "signed_in_to_add_factor"

View = TypeVar("View", bound=Callable[..., object])


def requires(access: str) -> Callable[[View], View]:
    """Declare a page view's access: a permission's name, or one of the marks above."""

    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


def declared_access(address: str) -> str:
    """What the page view at this path declares."""
    access: str = resolve(address).func.access  # type: ignore[attr-defined]
    return access
