"""Whether two accounts may be one person: what four eyes are compared by.

Nobody can know whose an account is. What can be known is who chose how one gets into it, and whether two addresses are
one mailbox.
"""

from collections.abc import Iterable

from accounts.models import User


def possible_selves(user: User) -> frozenset[int]:
    """The ids of the account, of those who chose its password or its address, of those who did so for them, and so on:
    each of them may be the one who uses it. Without any of these, no query.
    """
    found, next_ids = {user.pk}, _setters((user.password_set_by_id, user.email_set_by_id))
    while next_ids := next_ids - found:
        found |= next_ids
        rows = User.objects.filter(pk__in=next_ids).values_list("password_set_by", "email_set_by")
        next_ids = _setters(pk for row in rows for pk in row)
    return frozenset(found)


def _setters(ids: Iterable[int | None]) -> set[int]:
    return {pk for pk in ids if pk is not None}


def may_be_one_person(user: User, other: User) -> bool:
    """Whether one person may use both accounts, or they have one mailbox."""
    if not possible_selves(user).isdisjoint(possible_selves(other)):
        return True
    return _mailbox(user.email) == _mailbox(other.email)


def _mailbox(address: str) -> str:
    """The address without what follows a plus sign: mail servers deliver it to the same mailbox."""
    name, _, domain = address.casefold().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"
