"""People by a part of their names, for the search and the filters of the audit log: the first that are found.

Neither counts nor sorts all that match, as the list of users does: of a million there may be thousands.
"""

from accounts.models import User
from accounts.models.querysets import UserQuerySet
from accounts.permissions import USER_READ
from reprotech.core.actors import SignedInUser
from reprotech.core.normalization import fold_text

#: Matches among which the best are chosen.
MAX_RANKED = 1_000


def find_people(reader: SignedInUser, text: str, limit: int) -> list[tuple[int, str, str]]:
    """(id, username, full name) of accounts, also deleted ones; of none for those who may not read users."""
    if not reader.has_perm(USER_READ):
        return []
    # Sorted afterwards: for their order by id PostgreSQL might read all users, where few match.
    people = sorted(User.objects.ever_visible_to(reader).search(text).order_by()[:limit], key=lambda person: person.pk)
    return [(person.pk, person.username, person.full_name) for person in people]


def best_matches(users: UserQuerySet, text: str, count: int) -> list[User]:
    """Up to `count` of these users: whose very name it is, then those with a name that begins with it, then others."""
    folded = " ".join(fold_text(text).split())
    if not folded:
        return []
    bare = users.prefetch_related(None)
    found = bare.search(folded).order_by().values_list("pk", "search_text")[:MAX_RANKED]
    best = [pk for pk, _ in sorted(found, key=lambda row: (_rank(folded, row[1]), row[0]))[:count]]
    exact = bare.known_as(folded)
    if exact is not None:
        best = [exact.pk, *(pk for pk in best if pk != exact.pk)][:count]
    people = users.in_bulk(best) if best else {}
    return [people[pk] for pk in best if pk in people]


def _rank(folded: str, search_text: str) -> int:
    """`search_text` has a line for each name."""
    if f"\n{folded}" in f"\n{search_text}":
        return 0
    return 1 if f" {folded}" in search_text else 2
