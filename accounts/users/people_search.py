"""Accounts by a part of their names, for the filters of the audit log (`audit.event_query`)."""

from accounts.models import User
from accounts.permissions import USER_READ
from reprotech.core.actors import SignedInUser


def find_people(reader: SignedInUser, text: str, limit: int) -> list[tuple[int, str, str]]:
    """(id, username, full name) of accounts, also deleted ones; of none for those who may not read users."""
    if not reader.has_perm(USER_READ):
        return []
    people = User.objects.ever_visible_to(reader).search(text).order_by("pk")[:limit]
    return [(person.pk, person.username, person.full_name) for person in people]
