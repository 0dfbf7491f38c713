from collections.abc import Iterable

from django.db.models import CharField
from django.db.models.functions import Lower

from accounts.core.email_addresses import lookup_address
from accounts.models import User
from accounts.users.former_usernames import find_former_usernames
from reprotech.core.exceptions import Conflict


def find_taken_names(users: Iterable[User]) -> list[dict[str, list[str]]]:
    """For each user, whose address is in canonical form, what is taken by other accounts; empty where nothing is.

    Deleted accounts keep their usernames, and people who were renamed or erased keep their former ones. Nor may a
    username be another's address: both are typed to sign in.
    """
    users = list(users)
    ids = [user.pk for user in users if user.pk]
    typed = [(user.username.lower(), lookup_address(user.username), user.email.lower()) for user in users]
    names = {name for forms in typed for name in forms}
    others = User.objects.exclude(pk__in=ids).annotate(
        username_lower=Lower("username"), email_lower=Lower("email", output_field=CharField())
    )
    usernames = set(others.filter(username_lower__in=names).values_list("username_lower", flat=True))
    usernames |= find_former_usernames(names, ids)
    addresses = set(others.existing().filter(email_lower__in=names).values_list("email_lower", flat=True))
    found = []
    for username, as_address, email in typed:
        errors: dict[str, list[str]] = {}
        if username in usernames or as_address in addresses:
            errors["username"] = ["This username is taken."]
        if email in addresses or email in usernames:
            errors["email"] = ["This e-mail address is taken."]
        found.append(errors)
    return found


def refuse_former_usernames(users: Iterable[User]) -> None:
    """Raise Conflict if another account gave up one of the usernames a moment ago. Call it after storing the users."""
    # The unique index made the insert wait for the other transaction; only since its commit is the name seen here.
    users = list(users)
    if find_former_usernames({user.username.lower() for user in users}, [user.pk for user in users]):
        raise Conflict("The username or e-mail address was taken a moment ago.")
