"""What several pages about one user need."""

from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.models import User
from reprotech.core.exceptions import TooManyAttempts


def get_user_or_404(request: PageRequest, user_id: int) -> User:
    """The user of this id as the reader may see them, with roles and permissions, or 404."""
    person: User = get_object_or_404(User.objects.visible_to(request.user).with_roles(), pk=user_id)
    return person


def user_breadcrumbs(person: User | None, step: str = "") -> list[tuple[str, str | None]]:
    """Users / the user / the step."""
    trail: list[tuple[str, str | None]] = [("Users", reverse("users"))]
    if person is not None:
        trail.append((person.username, reverse("user", args=[person.pk]) if step else None))
    return [*trail, (step, None)] if step else trail


def too_many_attempts_message(refusal: TooManyAttempts) -> str:
    """When the next attempt is looked at, and where it may be sooner."""
    return f"{refusal.sentence} Strangers' attempts don't count in a browser in which you have signed in before."
