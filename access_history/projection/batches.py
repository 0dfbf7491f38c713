"""Replays a batch of events into the tables."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from django.db.models import F

from access_history.access_events import USER
from access_history.models import AccountDay, AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod
from access_history.projection.rows import account_span, grant_span, permission_span, role_span, store
from access_history.replay import AccountSpan, Event, Replayer, RoleBook, Span, UserHistory
from access_history.replay.roles import LiveRole


def replay_batch(events: Sequence[Event]) -> list[str]:
    """Replay events that follow those in the tables; returns sentences about contradictions. Needs the lock."""
    mentioned = {event.subject_id for event in events if event.resource == USER}
    gone = {event.subject_id or 0 for event in events if event.resource == "role" and _may_end(event)}
    user_ids = {pk for pk in mentioned if pk is not None}
    if gone:
        user_ids |= set(GrantPeriod.objects.live().filter(role_id__in=gone).values_list("user_id", flat=True))
    users = load_users(user_ids)
    replayer = Replayer(load_roles(), users)
    replayer.apply_all(events)
    spans = [*_spans_of_roles(replayer.roles)]
    for user in replayer.users.values():
        spans += spans_of_user(user)
    _count_days(spans)
    store(spans)
    return replayer.contradictions()


def _may_end(event: Event) -> bool:
    return event.action == "delete" or (event.state is not None and event.state.get("exists") is False)


def load_roles() -> RoleBook:
    book = RoleBook()
    # Names that were in use, the last one to have each.
    for name, role_id in RolePeriod.objects.order_by("from_event").values_list("name", "role_id"):
        book.last_names[name] = role_id
    permissions: dict[int, dict[str, RolePermissionPeriod]] = {}
    for row in RolePermissionPeriod.objects.live():
        permissions.setdefault(row.role_id, {})[row.permission] = row
    for role in RolePeriod.objects.live():
        held = {name: permission_span(found) for name, found in permissions.get(role.role_id, {}).items()}
        book.add(LiveRole(role_span(role), held))
    return book


def load_users(user_ids: Iterable[int]) -> list[UserHistory]:
    found = {pk: UserHistory(pk) for pk in user_ids}
    # In the order in which they began: the last one stays.
    for row in AccountPeriod.objects.filter(user_id__in=found).order_by("from_event", "pk"):
        found[row.user_id].last = account_span(row)
    for grant in GrantPeriod.objects.live().filter(user_id__in=found).order_by("pk"):
        found[grant.user_id].grants.append(grant_span(grant))
    return list(found.values())


def _spans_of_roles(book: RoleBook) -> Iterable[Span]:
    yield from book.ended
    for role in book.live.values():
        yield role.name
        yield from role.permissions.values()


def spans_of_user(user: UserHistory) -> list[Span]:
    """All that were loaded or made."""
    live: list[Span] = [user.account] if user.account else []
    return [*user.ended, *live, *user.grants]


def _count_days(spans: Iterable[Span]) -> None:
    begun: Counter[date] = Counter()
    ended: Counter[date] = Counter()
    for span in spans:
        if isinstance(span, AccountSpan):
            begun[_day(span.from_at)] += span.key is None
            if span.to_at is not None:
                ended[_day(span.to_at)] += 1
    for day in sorted(begun.keys() | ended.keys()):
        row, _ = AccountDay.objects.get_or_create(day=day)
        AccountDay.objects.filter(pk=row.pk).update(begun=F("begun") + begun[day], ended=F("ended") + ended[day])


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
