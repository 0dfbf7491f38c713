"""Which exclusions a request goes against: shown when it is made and to who decides, and checked again by the grant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from access_requests.models import AccessRequest
from accounts.access.authorization import held_permissions
from accounts.models import Exclusion, RoleGrant, User
from accounts.permissions import USER_READ
from accounts.segregation.checks import conflicts_of
from accounts.segregation.conflicts import RightsChange, RolePeriod
from accounts.segregation.refusals import conflict_dict, refusal_sentence

REFUSE, WARN = "refuse", "warn"


@dataclass(frozen=True, slots=True)
class Segregation:
    """What exclusions say of a request. Names and sentences are for who decides, not for who asks."""

    mode: str = ""
    sentences: Sequence[str] = ()
    conflicts: Sequence[dict[str, object]] = field(default=())


NONE = Segregation()


def segregation_of(requests: Sequence[AccessRequest], reader: User | None = None) -> dict[int, Segregation]:
    """By the id of each open request; in the same number of queries for any number of them."""
    asked = [request for request in requests if request.is_open and request.role_id is not None]
    if not asked or not Exclusion.objects.exists():
        return {}
    held = _periods({request.user_id for request in asked})
    changes = []
    for request in asked:
        before = held.get(request.user_id, [])
        new = RolePeriod(request.role_id or 0, None, request.ends_at)
        changes.append(RightsChange(request.user.username, request.user_id, after=[*before, new], before=before))
    rules, found = conflicts_of(changes)
    names_people = reader is not None and USER_READ in held_permissions(reader)
    outcomes = {}
    for request, conflicts in zip(asked, found, strict=True):
        if conflicts:
            outcomes[request.pk] = Segregation(
                REFUSE if any(conflict.rule.refuses for conflict in conflicts) else WARN,
                [refusal_sentence(rules, [conflict], 1, names_people=names_people) for conflict in conflicts],
                [conflict_dict(rules, conflict, names_people=names_people) for conflict in conflicts],
            )
    return outcomes


def _periods(user_ids: Iterable[int]) -> dict[int, list[RolePeriod]]:
    grants = RoleGrant.objects.unended().filter(user__in=list(user_ids)).order_by()
    found: dict[int, list[RolePeriod]] = {}
    for user_id, role_id, starts_at, ends_at in grants.values_list("user_id", "role_id", "starts_at", "ends_at"):
        found.setdefault(user_id, []).append(RolePeriod(role_id, starts_at, ends_at))
    return found
