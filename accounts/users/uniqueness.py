from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models.functions import Lower

from accounts.core.email_addresses import lookup_address
from accounts.models import User
from accounts.users.former_usernames import find_former_usernames
from reprotech.core.exceptions import Conflict


@dataclass(frozen=True, slots=True)
class TakenNames:
    """Usernames and addresses, in lower case, that accounts have.

    Deleted accounts keep their usernames, and people who were renamed or erased keep their former ones. Nor may a
    username be another's address: both are typed to sign in.
    """

    usernames: frozenset[str]
    addresses: frozenset[str]

    def errors(self, user: User) -> dict[str, list[str]]:
        username, email = user.username.lower(), lookup_address(user.email)
        errors = {}
        if username in self.usernames or lookup_address(username) in self.addresses:
            errors["username"] = ["This username is taken."]
        if email in self.addresses or email in self.usernames:
            errors["email"] = ["This e-mail address is taken."]
        return errors


def find_taken_names(users: Iterable[User]) -> TakenNames:
    users = list(users)
    names = {
        form for user in users for name in (user.username, user.email) for form in (name.lower(), lookup_address(name))
    }
    ids = [user.pk for user in users if user.pk]
    others = User.objects.exclude(pk__in=ids)
    others = others.annotate(username_lower=Lower("username"), email_lower=Lower("email"))
    usernames = others.filter(username_lower__in=names).values_list("username_lower", flat=True)
    addresses = others.existing().filter(email_lower__in=names).values_list("email_lower", flat=True)
    return TakenNames(frozenset({*usernames, *find_former_usernames(names, ids)}), frozenset(addresses))


def refuse_former_usernames(users: Iterable[User]) -> None:
    """Raise Conflict if another account gave up one of the usernames a moment ago. Call it after storing the users."""
    # The unique index made the insert wait for the other transaction; only since its commit is the name seen here.
    users = list(users)
    if find_former_usernames({user.username.lower() for user in users}, [user.pk for user in users]):
        raise Conflict("The username or e-mail address was taken a moment ago.")
