"""Looking up and naming the user of a page."""

from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.models import Role, User
from reprotech.core.exceptions import ServerBusy, TooManyAttempts

#: Labels and addresses.
Breadcrumbs = list[tuple[str, str | None]]


def get_user_or_404(request: PageRequest, user_id: int) -> User:
    """The user of this id as the reader may see them, with roles and permissions, or 404."""
    user: User = get_object_or_404(User.objects.visible_to(request.user).with_roles(), pk=user_id)
    return user


def breadcrumbs(kind: str, record: User | Role | None, action: str = "") -> Breadcrumbs:
    """`Users / username / action`; the last one has no link."""
    trail: Breadcrumbs = [(f"{kind}s".capitalize(), reverse(f"{kind}s"))]
    if record is not None:
        trail.append((str(record), reverse(kind, args=[record.pk]) if action else None))
    return [*trail, (action, None)] if action else trail


def too_many_attempts_message(refusal: TooManyAttempts) -> str:
    if isinstance(refusal, ServerBusy):  # it comes from no attempts
        return refusal.sentence
    return f"{refusal.sentence} Strangers' attempts don't count in a browser in which you have signed in before."
