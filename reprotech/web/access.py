"""How a page view declares who may open it. A view that declares nothing is denied to everybody."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.urls import resolve

#: Open to everyone; each use says why.
PUBLIC = "public"


#: Open to whoever is signed in, whatever their roles.
SIGNED_IN = "signed_in"


#: As SIGNED_IN, and also to whoever must change their password or set up a second factor first.
SIGNED_IN_TO_CHANGE_PASSWORD = "signed_in_to_change_password"  # noqa: S105


#: As SIGNED_IN, and also to whoever must set up a second factor first.
SIGNED_IN_TO_ADD_FACTOR = "signed_in_to_add_factor"


View = TypeVar("View", bound=Callable[..., Any])


def requires(access: str) -> Callable[[View], View]:
    """Declare a page view's access: a permission's name, or one of the marks above."""

    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


def declared_access(address: str) -> str:
    """What the page view at an address of ours declares: a permission's name, or one of the marks above."""
    access: str = resolve(address).func.access  # type: ignore[attr-defined]
    return access
