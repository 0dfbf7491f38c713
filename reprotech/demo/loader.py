"""Loads the demonstration data: events first, then users, whose last sign-in is known by then."""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from multiprocessing import get_context
from os import cpu_count
from typing import TypeVar
from uuid import UUID

import django
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils import timezone

from accounts.models import FormerUsername, Role, Session, User
from accounts.roles.services import creation_changes
from audit.capture import triggers
from audit.models import Action, AuditLog
from audit.sealing import bulk_load
from audit.sealing.bulk_load import PreparedEvent
from audit.sealing.sealer import Sealer
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import System
from reprotech.demo.audit_history import History
from reprotech.demo.calendar import Day, days, midnight
from reprotech.demo.day_events import DayEvents, DemoSession
from reprotech.demo.employment import Careers
from reprotech.demo.people import People, Person

#: More events are generated in several processes.
MAX_SINGLE_PROCESS_EVENTS = 50_000
CHUNK_SIZE = 5_000
#: OpenSessions that are still open, for the dashboard.
MAX_SESSIONS = 2_000
RECENT_USE = timedelta(minutes=10)
#: No password matches it: an administrator sends a link, or sets a password.
NO_PASSWORD = "!demo"  # noqa: S105
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Progress = Callable[[str, int, int], None]
PreparedDay = tuple[DayEvents, list[PreparedEvent]]
Model = TypeVar("Model", bound=models.Model)
OpenSessions = dict[UUID, tuple[DemoSession, datetime]]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    users: int
    events: int
    seed: int
    until: datetime


class InstallationNotEmpty(Exception):
    """The installation has users already."""


def load(demand: LoadOptions, progress: Progress) -> None:
    """Load the data, all or nothing except for the seal of earlier events; `progress` gets (step, done, total).

    Raises InstallationNotEmpty if there is more than one user.
    """
    # A former username might be one of the generated ones.
    if User.objects.count() > 1 or FormerUsername.objects.exists():
        raise InstallationNotEmpty
    is_fast = connection.vendor == "postgresql"
    loading = bulk_load.bulk_loading() if is_fast else transaction.atomic()
    with explicitly_recorded(), loading as loader, triggers.suspended():
        latest = User.objects.order_by("-pk").values_list("pk", flat=True).first()
        people = People(demand.users, demand.seed)
        calendar = days(demand.users, demand.events, demand.until)
        careers = Careers(people, calendar, demand.seed)
        calendar = careers.on_calendar(calendar)
        history = History(people, careers, (latest or 0) + 1, demand.seed, demand.until)
        if demand.events:
            _load_roles(history, midnight(calendar[0].date), loader)
        sign_ins, visits = _load_events(demand, history, calendar, loader, progress)
        _load_people(history, calendar, sign_ins, progress)
        _load_sessions(history, visits, demand.until)
        progress("Building indexes", 0, 0)
    record(
        actor=System(), action=Action.CREATE, resource="demo_data",
        users=demand.users, events=demand.events, seed=demand.seed,
    )  # fmt: skip
    if is_fast:
        with connection.cursor() as cursor:
            for table in ("users", "user_roles", "sessions", "audit_logs", "audit_leaves", "audit_nodes"):
                cursor.execute(f"VACUUM ANALYZE {table}")
    progress("Sealing", 0, 0)
    Sealer().seal()


def _load_roles(history: History, beginning: datetime, loader: bulk_load.HistoryLoader | None) -> None:
    """Create the roles' events at the beginning of the history: those of the installation are years younger."""
    described = [(role.pk, role.name, creation_changes(role)) for role in Role.objects.with_permissions()]
    events = history.roles(beginning, described)
    if loader:
        first_id = bulk_load.reserve_ids(len(events))
        loader.add(bulk_load.prepare_event(event, event_id) for event_id, event in enumerate(events, first_id))
    else:
        AuditLog.objects.bulk_create([AuditLog(**event._asdict()) for event in events])


def _load_events(
    demand: LoadOptions,
    history: History,
    calendar: list[Day],
    loader: bulk_load.HistoryLoader | None,
    progress: Progress,
) -> tuple["array[int]", OpenSessions]:
    """Returns each user's last sign-in (microseconds since 1970, 0 for none), and the open sessions."""
    sign_ins, visits, done = array("q", bytes(8 * demand.users)), {}, 0
    first_id = bulk_load.reserve_ids(demand.events) if loader else 0
    for outcome, events in _generated_days(demand, history, calendar, first_id if loader else None):
        if loader:
            loader.add(events)
        else:
            AuditLog.objects.bulk_create([AuditLog(**event._asdict()) for event in outcome.events], 500)
        for number, moment in outcome.sign_ins.items():
            sign_ins[number] = (moment - EPOCH) // MICROSECOND
        visits = outcome.visits
        done += len(outcome.events)
        progress("Events", done, demand.events)
    return sign_ins, visits


def _generated_days(
    demand: LoadOptions, history: History, calendar: list[Day], first_id: int | None
) -> Iterator[PreparedDay]:
    """Each day's events in order; they are prepared if they get ids from `first_id` on."""
    counts = [day.with_event + day.events for day in calendar]
    starts = [None if first_id is None else first_id + before for before in accumulate(counts[:-1], initial=0)]
    if demand.events <= MAX_SINGLE_PROCESS_EVENTS or first_id is None:
        yield from (_generated_day(history, day, start) for day, start in zip(calendar, starts, strict=True))
        return
    # Not forked: this process holds a connection to the database.
    with ProcessPoolExecutor(cpu_count(), get_context("spawn"), initializer=django.setup) as pool:
        jobs = iter(zip(calendar, starts, strict=True))
        # A few days ahead at most, since days wait in memory until they are stored.
        first = islice(jobs, 2 * (cpu_count() or 1))
        ahead: deque[Future[PreparedDay]] = deque(pool.submit(_generated_day, history, *job) for job in first)
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(_generated_day, history, *job) for job in islice(jobs, 1))


def _generated_day(history: History, day: Day, start: int | None) -> PreparedDay:
    outcome = history.simulate(day)
    if start is None:
        return outcome, []
    return outcome, [bulk_load.prepare_event(event, event_id) for event_id, event in enumerate(outcome.events, start)]


def _load_people(history: History, calendar: list[Day], sign_ins: "array[int]", progress: Progress) -> None:
    roles = dict(Role.objects.values_list("slug", "pk"))
    through = User.roles.through
    is_fast = connection.vendor == "postgresql"
    with bulk_load.indexes_dropped("users") if is_fast else nullcontext():
        people = _users(history, calendar, sign_ins)
        while chunk := list(islice(people, CHUNK_SIZE)):
            users = [user for _, user in chunk]
            grants = [through(user_id=user.pk, role_id=roles[slug]) for person, user in chunk for slug in person.roles]
            _insert(User, users)
            _insert(through, grants)
            progress("People", users[-1].pk - history.first_id + 1, history.people.count)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [User, through]):
            cursor.execute(statement)


def _users(history: History, calendar: list[Day], sign_ins: "array[int]") -> Iterator[tuple[Person, User]]:
    number = 0
    for day in calendar:
        for arrival in history.arrivals(day):
            person = history.people[number]
            seen = EPOCH + sign_ins[number] * MICROSECOND if sign_ins[number] else None
            yield person, _user(history, person, arrival, seen)
            number += 1


def _user(history: History, person: Person, arrival: datetime, last_login: datetime | None) -> User:
    careers, number = history.careers, person.number
    career = careers.career(number)
    changed = [careers.moment(number, change, day) for change, day in career.changes()]
    user = User(
        id=history.first_id + number,
        username=person.username,
        email=person.email,
        password=NO_PASSWORD,
        first_name=person.first_name,
        last_name=person.last_name,
        is_active=careers.is_active(number, career),
        locked_at=careers.locked_at(number, career) or (arrival if careers.is_locked(number, career) else None),
        last_login=last_login,
        created_at=arrival,
        updated_at=max(changed, default=arrival),
    )
    user.fold_search_text()
    return user


def _insert(model: type[Model], rows: list[Model]) -> None:
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows, 500)
        return
    # Without the id if the database generates it.
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or rows[0].pk]
    values = ([getattr(row, field.attname) for field in fields] for row in rows)
    bulk_load.copy_rows(model._meta.db_table, [str(field.column) for field in fields], values)


def _load_sessions(history: History, visits: OpenSessions, until: datetime) -> None:
    now = timezone.now()
    lifetimes = {Session.Kind.PAGE: settings.PAGE_SESSION_LIFETIME, Session.Kind.TOKEN: settings.TOKEN_SESSION_LIFETIME}
    sessions = [
        Session(
            id=visit.session_id,
            user_id=history.first_id + visit.person.number,
            kind=visit.kind,
            created_at=began,
            # Open sessions are in use.
            last_used_at=max(began, until - RECENT_USE),
            ends_at=began + lifetimes[visit.kind],
            ip_address=visit.ip_address,
            user_agent=visit.user_agent,
        )
        for visit, began in visits.values()
    ]
    for session in sessions:
        session.expires_at = session.expiry_after(session.last_used_at)
    Session.objects.bulk_create([session for session in sessions if session.expires_at > now][-MAX_SESSIONS:], 500)
