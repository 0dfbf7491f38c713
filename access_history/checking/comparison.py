"""Compares the history with the log, and with the present tables of users and roles."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from access_history.access_events import events_of_roles, read_events
from access_history.archiving.kept_periods import is_kept_unchanged, last_archived_event
from access_history.archiving.states import archived_roles
from access_history.checking.replayed import chunks_of_users, events_about, start
from access_history.models import AccountDay, AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod
from access_history.models.periods import Period
from access_history.projection.days import counted_days
from access_history.projection.progress import first_moment, read_state
from access_history.projection.rows import content_of
from access_history.replay import Replayer, RoleBook, Span, UserHistory
from accounts.models import Role, RoleGrant, User

Row = tuple[Any, ...]
#: Grants as both sides have them: role, start, end.
Grants = list[tuple[int, Any, Any]]


@dataclass(slots=True)
class Outcome:
    """Sentences about what the tables have otherwise than the log, and what the present tables have otherwise."""

    history: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    user_ids: list[int] = field(default_factory=list)
    role_ids: list[int] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        return [*self.history, *self.present]


def compare() -> Outcome:
    """All of it: each account at one moment, of all three sides."""
    outcome = Outcome()
    after = last_archived_event()
    if not is_kept_unchanged():
        outcome.history.append("What was kept of archived events isn't what the archive's event says.")
    with _snapshot():
        _compare_roles(outcome, after)
        _compare_numbers(outcome, after)
    for user_ids in chunks_of_users():
        with _snapshot():
            _compare_users(outcome, user_ids, after)
    return outcome


@contextmanager
def _snapshot() -> Iterator[None]:
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _compare_roles(outcome: Outcome, after: int) -> None:
    last = read_state().last_event
    replayer = Replayer(archived_roles())
    events = list(read_events(events_of_roles().filter(pk__gt=after).order_by("pk")))
    replayer.apply_all(event for event in events if event.id <= last)
    spans: list[Span] = [*replayer.roles.ended]
    for role in replayer.roles.live.values():
        spans += [role.name, *role.permissions.values()]
    for model in (RolePeriod, RolePermissionPeriod):
        stored = model._default_manager.exclude(to_event__lte=after)
        outcome.history += _row_differences(model, spans, stored)
    replayer.apply_all(event for event in events if event.id > last)
    for role_id, sentence in _present_roles(replayer.roles):
        outcome.present.append(sentence)
        outcome.role_ids.append(role_id)


def _present_roles(book: RoleBook) -> Iterator[tuple[int, str]]:
    present = {
        role.pk: (role.name, sorted(role.permission_names))
        for role in Role._base_manager.prefetch_related("permissions")
    }
    known = {pk: (role.name.name, sorted(role.permissions)) for pk, role in book.live.items()}
    for pk in sorted(present.keys() | known.keys()):
        here, there = present.get(pk), known.get(pk)
        if here == there:
            continue
        if here is None or there is None:
            name = (here or there or ("",))[0]
            yield pk, f"Role {pk} ({name}) {'exists' if here else 'is gone'}, and the log doesn't say so."
        elif here[0] != there[0]:
            yield pk, f"Role {pk} is called {here[0]!r}, and by the log {there[0]!r}."
        else:
            names = sorted({*here[1]} ^ {*there[1]})
            yield pk, f"Role {pk} ({here[0]}) has other permissions than the log says: {', '.join(names)}."


def _compare_numbers(outcome: Outcome, after: int) -> None:
    """What totals and the beginning rest on, which no account shows."""
    counted = counted_days()
    stored = {row.day: (row.begun, row.ended) for row in AccountDay.objects.all()}
    for day in sorted(counted.keys() | stored.keys()):
        begun, ended = counted.get(day, (0, 0))
        if stored.get(day, (0, 0)) != (begun, ended):
            outcome.history.append(f"{day} has {begun} beginnings and {ended} ends, and access_account_days others.")
    state = read_state()
    # Of a log whose first events were archived, the database has no other word.
    if not after and state.begins_at is not None and state.begins_at != first_moment():
        outcome.history.append("The log begins at another moment than access_history_state says.")


def _compare_users(outcome: Outcome, user_ids: list[int], after: int) -> None:
    last = read_state().last_event
    replayer = start(user_ids)
    events = events_about(user_ids, after=after)
    replayer.apply_all(event for event in events if event.id <= last)
    spans: list[Span] = []
    for user in replayer.users.values():
        spans += [*user.ended, *([user.account] if user.account else []), *user.grants]
    for model in (AccountPeriod, GrantPeriod):
        stored = model._default_manager.filter(user_id__in=user_ids).exclude(to_event__lte=after)
        outcome.history += _row_differences(model, spans, stored)
    replayer.apply_all(event for event in events if event.id > last)
    for user_id, sentence in _present_users(replayer, user_ids):
        outcome.present.append(sentence)
        if user_id not in outcome.user_ids:
            outcome.user_ids.append(user_id)


def _row_differences(model: type[Period], spans: Iterable[Span], stored: Iterable[Period]) -> Iterator[str]:
    names = sorted(field.name for field in model._meta.concrete_fields if field.name != "id")
    contents = [content for content in map(content_of, spans) if content.model is model]
    replayed = [tuple(content.fields[name] for name in names) for content in contents]
    rows = [tuple(getattr(row, name) for name in names) for row in stored]
    table = model._meta.db_table
    for row in _beyond(replayed, rows):
        yield f"The log gives, and {table} lacks: {_described(names, row)}."
    for row in _beyond(rows, replayed):
        yield f"{table} has, and the log doesn't give: {_described(names, row)}."


def _beyond(rows: list[Row], others: list[Row]) -> list[Row]:
    """As often as they are there more often: a row that is there twice is one too many."""
    return list((Counter(rows) - Counter(others)).elements())


def _described(names: list[str], row: Row) -> str:
    """Without names of people: these sentences are kept, and couldn't be erased."""
    personal = {"username", "first_name", "last_name", "granted_by_name"}
    return ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True) if name not in personal)


def _present_users(replayer: Replayer, user_ids: list[int]) -> Iterator[tuple[int, str]]:
    users = {user.pk: user for user in User._base_manager.filter(pk__in=user_ids, deleted_at=None)}
    grants: dict[int, Grants] = {}
    for grant in RoleGrant._base_manager.filter(user__in=user_ids).order_by("pk"):
        grants.setdefault(grant.user_id, []).append((grant.role_id, grant.starts_at, grant.ends_at))
    for pk in user_ids:
        history = replayer.users.get(pk) or UserHistory(pk)
        for sentence in _present_user(history, users.get(pk), grants.get(pk, [])):
            yield pk, f"Account {pk} {sentence}"


def _present_user(history: UserHistory, user: User | None, grants: Grants) -> Iterator[str]:
    account = history.account
    if (user is None) != (account is None):
        yield f"{'is gone' if user is None else 'exists'}, and the log doesn't say so."
        return
    if user is not None and account is not None:
        for name, known in account.facts._asdict().items():
            if getattr(user, name) != known:
                yield f"has another {name} than the log says."
    known_grants = [(grant.role_id, grant.starts_at, grant.ends_at) for grant in history.grants]
    for role_id, *_ in _beyond(grants, known_grants):
        yield f"holds the role {role_id} otherwise than the log says."
    for role_id, *_ in _beyond(known_grants, grants):
        yield f"doesn't hold the role {role_id} as the log says."
