"""Which account each row of a file is about: the one with its username, or without one, with its e-mail address."""

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import CharField
from django.db.models.functions import Lower

from accounts.core.email_addresses import lookup_address
from accounts.models import User
from accounts.users.csv.import_users import BATCH_SIZE, ImportRow
from reprotech.core.actors import Actor

#: In SQL, so that the indexes of both are used.
LOWER_NAMES = {"username_lower": Lower("username"), "email_lower": Lower("email", output_field=CharField())}


class Accounts:
    """The accounts that rows name, with their roles: in the same number of queries for any 500 rows."""

    def __init__(self, actor: Actor, rows: Sequence[ImportRow]) -> None:
        self._by_username: dict[str, User] = {}
        self._by_address: dict[str, User] = {}
        for start in range(0, len(rows), BATCH_SIZE):
            for user in _named_in(actor, rows[start : start + BATCH_SIZE]):
                self._by_username[user.username.lower()] = user
                self._by_address[user.email.lower()] = user

    def find(self, row: ImportRow) -> User | str | None:
        """The account, None for someone new, or what is wrong: nobody's name follows from a name of someone else's."""
        username, email = row.fields["username"], row.fields["email"]
        named, addressed = self._by_username.get(username.lower()), self._by_address.get(lookup_address(email))
        if named and addressed and named.pk != addressed.pk:
            return (
                f"username: It is that of {named}, but the e-mail address is that of {addressed}. Correct one of them."
            )
        if username and addressed and not named:
            return (
                f"username: The person with this e-mail address is {addressed}. Write that, or leave the cell empty: "
                "a username is changed on the person's page."
            )
        found = named or addressed
        if found and found.is_service:
            return f"username: {found} is a service account. Leave out the line."
        return found


def _named_in(actor: Actor, rows: Iterable[ImportRow]) -> Iterator[User]:
    usernames = {row.fields["username"].lower() for row in rows} - {""}
    addresses = {lookup_address(row.fields["email"]) for row in rows} - {""}
    users = User.objects.visible_to(actor).annotate(**LOWER_NAMES).order_by()
    # Two queries: with OR, no index would be used.
    ids = set(users.filter(username_lower__in=usernames).values_list("pk", flat=True))
    ids |= set(users.filter(email_lower__in=addresses).values_list("pk", flat=True))
    yield from User.objects.filter(pk__in=ids).with_roles()
