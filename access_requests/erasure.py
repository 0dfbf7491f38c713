"""Erases a person's requests: the reasons are theirs, and the grants have their own record."""

from access_requests.models import AccessRequest
from accounts.models import User


def forget_person(user: User) -> None:
    """Within the transaction that erases the account."""
    AccessRequest.objects.filter(user=user).delete()
