"""Whether two accounts may be one person: what four eyes are compared by.

Nobody can know whose an account is. What can be known is who chose how one gets into it, and whether two addresses are
one mailbox.
"""

from accounts.models import User


def possible_selves(user: User) -> set[int]:
    """The ids of the account and of those who chose its password or its address: they may be the ones who use it."""
    return {user.pk} | {pk for pk in (user.password_set_by_id, user.email_set_by_id) if pk is not None}


def may_be_one_person(user: User, other: User) -> bool:
    """Whether they are one account, one of them was let in by the other, or they have one mailbox."""
    return (
        other.pk in possible_selves(user)
        or user.pk in possible_selves(other)
        or _mailbox(user.email) == _mailbox(other.email)
    )


def _mailbox(address: str) -> str:
    """The address without what follows a plus sign: mail servers deliver it to the same mailbox."""
    name, _, domain = address.casefold().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"
