"""What is shown with items, read for a page of them in a fixed number of queries."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from accounts.models import Permission, User
from reviews.models import ItemKind, ReviewItem
from reviews.permissions import ROLE_DELETE, SETTINGS_UPDATE, USER_UPDATE
from reviews.subjects.scopes import changes_meanwhile

MAX_NAMES = 3
LOCK = "lock"
#: Candidates that are looked at; a laboratory has few people who may change accounts.
MAX_CANDIDATES = 50


def add_context(items: Collection[ReviewItem]) -> None:
    """Set `changed_meanwhile`, `granted_by_name`, `given_decision`, `given_outcome` and `who_can` of each item."""
    changed, givers = changes_meanwhile(items), _names(items)
    _mark_who_can([item for item in items if item.is_pending])
    for item in items:
        found: Any = item
        found.changed_meanwhile = changed[item.pk]
        found.granted_by_name = givers.get(item.facts.get("granted_by"))
        found.given_decision, found.given_outcome = item.decision or None, item.outcome or None
        found.able = vars(item).get("able", [])
        found.who_can = found.able[:MAX_NAMES]


def moment(facts: Mapping[str, Any], name: str) -> datetime | None:
    text = facts.get(name)
    return datetime.fromisoformat(text) if text else None


def _names(items: Collection[ReviewItem]) -> dict[int, str]:
    wanted = {item.facts.get("granted_by") for item in items} - {None}
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "username")) if wanted else {}


def _candidates(items: Collection[ReviewItem]) -> dict[str, list[User]]:
    """The people who hold what an item needs, by the permission."""
    found = {}
    for permission in Permission.objects.filter(name__in={needed_for(item) for item in items}):
        people = User.objects.active().people().holding(permission).with_roles()
        found[permission.name] = list(people[:MAX_CANDIDATES])
    return found


def needed_for(item: ReviewItem) -> str:
    """The permission of the service that carries out what became of an item."""
    return {ItemKind.ROLE: ROLE_DELETE, ItemKind.APPLICATION: SETTINGS_UPDATE}.get(ItemKind(item.kind), USER_UPDATE)


def _subjects(items: Collection[ReviewItem]) -> dict[int | None, User]:
    wanted = {item.user_id for item in items if item.user_id}
    people = User.objects.existing().filter(pk__in=wanted).with_roles() if wanted else ()
    return {person.pk: person for person in people}


def _held(item: ReviewItem, person: User | None) -> frozenset[str]:
    """What who carries it out has to hold besides: as the ordinary services ask."""
    closes = item.kind == ItemKind.ACCOUNT or item.action == LOCK
    if person is None or (closes and not person.is_super_administrator):
        return frozenset()
    return person.grants.permissions


def _mark_who_can(items: Collection[ReviewItem]) -> None:
    if not items:
        return
    candidates, people = _candidates(items), _subjects(items)
    for item in items:
        needed = _held(item, people.get(item.user_id))
        able = [
            person.username
            for person in candidates.get(needed_for(item), ())
            if needed <= person.grants.permissions and person.pk != item.user_id
        ]
        vars(item)["able"] = able
