"""All lines of a scope, and what changed since they were written down."""

from collections.abc import Collection, Iterable
from typing import Any

from accounts.models import Role
from reviews.models import ItemKind, ReviewItem, ScopeKind
from reviews.subjects import accounts, others
from reviews.subjects.lines import Facts, Line, differences

COMPARED: dict[str, tuple[str, ...]] = {
    ItemKind.ACCOUNT: accounts.ACCOUNT_FIELDS,
    ItemKind.GRANT: accounts.GRANT_FIELDS,
    ItemKind.ROLE: others.ROLE_FIELDS,
    ItemKind.KEY: others.KEY_FIELDS,
    ItemKind.APPLICATION: others.APPLICATION_FIELDS,
}


def lines_of(scope_kind: str, roles: Iterable[Role]) -> list[Line]:
    """Each line of a scope, in the order of the review."""
    chosen = list(roles)
    found = {
        ScopeKind.USERS: accounts.account_lines,
        ScopeKind.ROLES: lambda: [*others.role_lines(chosen), *accounts.grant_lines(chosen)],
        ScopeKind.KEYS: others.key_lines,
        ScopeKind.APPLICATIONS: others.application_lines,
    }[ScopeKind(scope_kind)]()
    return sorted(found, key=lambda line: line.order)


def changes_meanwhile(items: Collection[ReviewItem]) -> dict[int, dict[str, list[Any]] | None]:
    """What differs now from when the review opened, by the item's id; None where the subject is gone.

    The items were read `with_subjects`. The number of queries doesn't depend on theirs.
    """
    present: dict[int, Facts | None] = {}
    for look in (
        accounts.present_accounts,
        accounts.present_grants,
        others.present_roles,
        others.present_keys,
        others.present_applications,
    ):
        present |= look(items)
    changed: dict[int, dict[str, list[Any]] | None] = {}
    for item in items:
        facts = present[item.pk]
        changed[item.pk] = None if facts is None else differences(item.facts, facts, COMPARED[item.kind])
    return changed
