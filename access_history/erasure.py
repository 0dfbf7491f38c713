"""Erases the names that the history has of a person. Their periods stay, countable and nameless."""

from access_history.archiving.states import forget_names
from access_history.models import AccountPeriod, GrantPeriod
from access_history.projection.progress import lock_history
from accounts.models import User


def forget_person(user: User) -> None:
    """Within the transaction that erases the account, whose names are erased from the log too.

    Under the lock: nobody replays events meanwhile that still have them.
    """
    lock_history()
    AccountPeriod.objects.filter(user_id=user.pk).update(username="", first_name="", last_name="")
    GrantPeriod.objects.filter(granted_by_id=user.pk).update(granted_by_name="")
    forget_names(user.pk)
