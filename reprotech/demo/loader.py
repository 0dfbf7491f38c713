"""Loads the demonstration data: events first, then users as the events have left them, all of it or nothing."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils import timezone

from accounts.mfa import totp
from accounts.models import FormerUsername, Role, RoleGrant, Session, TotpKey, User
from audit.capture import triggers
from audit.crypto.sealed_row import SealedRow
from audit.models import Action, AuditLog
from audit.sealing import bulk_load
from audit.sealing.sealer import Sealer
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import System
from reprotech.core.exceptions import Conflict
from reprotech.demo.history import History
from reprotech.demo.people import Account

CHUNK_SIZE = 5_000
#: Sessions that are still open, for the dashboard.
MAX_SESSIONS = 2_000
RECENT_USE = timedelta(minutes=10)
#: Of those who are invited and haven't chosen one.
NO_PASSWORD = "!demo"  # noqa: S105
#: Of random bytes that nobody has: an administrator sends a link, or sets a password.
UNKNOWN_PASSWORD = "bcrypt_sha256$$2b$12$MPC9gr7JmFzj4yaARbkN6OtFKYqc6LMlszMAL9.SAjFnHWrzGP9zi"  # noqa: S105
#: Who joined so lately and never signed in is still invited.
INVITED_FOR = timedelta(days=10)
USER_FIELDS = (
    "username", "email", "first_name", "last_name", "is_active", "locked_at", "last_login", "created_at", "updated_at",
)  # fmt: skip
TABLES = ("users", "user_roles", "totp_keys", "sessions", "audit_logs", "audit_leaves", "audit_nodes")

Progress = Callable[[str, int, int], None]
Row = TypeVar("Row")
Model = TypeVar("Model", bound=models.Model)


def load(*, users: int, events: int, seed: int, until: datetime, progress: Progress) -> None:
    """`progress` gets (step, done, total). Raises Conflict if there is more than one user."""
    # A former username might be one of the generated ones.
    if User.objects.count() > 1 or FormerUsername.objects.exists():
        raise Conflict(
            "There are users here already. Demonstration data goes into an installation that nobody uses yet."
        )
    is_fast = connection.vendor == "postgresql"
    loading = bulk_load.bulk_loading() if is_fast else transaction.atomic()
    with explicitly_recorded(), loading as loader, triggers.suspended():
        latest = User.objects.order_by("-pk").values_list("pk", flat=True).first()
        latest_app = TotpKey.objects.order_by("-pk").values_list("pk", flat=True).first()
        history = History((latest or 0) + 1, seed, (latest_app or 0) + 1)
        _load_events(history, history.events(users, events, until), events, loader, progress)
        with bulk_load.indexes_dropped("users") if is_fast else nullcontext():
            _load_users(history, until, progress)
        _load_apps(history)
        _load_sessions(history, until)
        progress("Building indexes", 0, 0)
    record(actor=System(), action=Action.CREATE, resource="demo_data", users=users, events=events, seed=seed)
    if is_fast:
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")
    progress("Sealing", 0, 0)
    Sealer().seal()


def _load_events(
    history: History,
    events: Iterator[SealedRow],
    count: int,
    loader: bulk_load.HistoryLoader | None,
    progress: Progress,
) -> None:
    if (first := next(events, None)) is None:
        return
    # The roles' own events are years younger: they belong to the installation.
    roles = Role.objects.with_permissions()
    simulated = chain(history.roles(first.timestamp, roles), [first], events)
    next_id = bulk_load.reserve_ids(count + len(roles)) if loader else 0
    done = -len(roles)
    for chunk in _chunks(simulated):
        if loader:
            loader.add(chunk, next_id)
        else:
            AuditLog.objects.bulk_create([AuditLog(**event._asdict()) for event in chunk], 500)
        next_id, done = next_id + len(chunk), done + len(chunk)
        progress("Events", done, count)


def _load_users(history: History, until: datetime, progress: Progress) -> None:
    roles = dict(Role.objects.values_list("slug", "pk"))
    for chunk in _chunks(iter(history.accounts)):
        users = []
        for account in chunk:
            fields = {name: getattr(account, name) for name in USER_FIELDS}
            kinds = TotpKey.kind if account.app_id else ""
            user = User(id=history.id_of(account), factor_kinds=kinds, **fields, **_password_fields(account, until))
            user.fold_search_text()
            users.append(user)
        _insert(User, users)
        holders = [(history.id_of(account), roles[slug]) for account in chunk for slug in account.roles]
        _insert(RoleGrant, [RoleGrant(user_id=user_id, role_id=role_id) for user_id, role_id in holders])
        progress("People", chunk[-1].number + 1, len(history.accounts))
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [User, RoleGrant]):
            cursor.execute(statement)


def _password_fields(account: Account, until: datetime) -> dict[str, Any]:
    if account.last_login is None and until - account.created_at < INVITED_FOR:
        # Locking or deactivating the account would have made the link void.
        is_open = account.is_active and account.locked_at is None
        return {"password": NO_PASSWORD, "invited_at": account.created_at if is_open else None}
    return {"password": UNKNOWN_PASSWORD, "password_changed_at": account.password_changed_at or account.created_at}


def _insert(model: type[Model], rows: list[Model]) -> None:
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows, 500)
        return
    # Without the id if the database generates it.
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or rows[0].pk]
    values = ([getattr(row, field.attname) for field in fields] for row in rows)
    bulk_load.copy_rows(model._meta.db_table, [str(field.column) for field in fields], values)


def _load_apps(history: History) -> None:
    """Authenticator apps with keys that nobody has: an administrator turns them off to sign in as one of them."""
    accounts = (account for account in history.accounts if account.app_id)
    for chunk in _chunks(accounts):
        apps = []
        for account in chunk:
            user_id, added = history.id_of(account), cast("datetime", account.app_added_at)
            key = totp.encrypt_secret(totp.generate_secret(), user_id)
            used = max(added, account.last_login or added)
            apps.append(
                TotpKey(id=account.app_id, user_id=user_id, sealed_key=key, created_at=added, last_used_at=used)
            )
        _insert(TotpKey, apps)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [TotpKey]):
            cursor.execute(statement)


def _load_sessions(history: History, until: datetime) -> None:
    now = timezone.now()
    lifetimes = {Session.Kind.PAGE: settings.PAGE_SESSION_LIFETIME, Session.Kind.TOKEN: settings.TOKEN_SESSION_LIFETIME}
    sessions = [
        Session(
            id=visit.id,
            user_id=history.id_of(visit.account),
            kind=visit.kind,
            created_at=visit.began,
            # Open sessions are in use.
            last_used_at=max(visit.began, until - RECENT_USE),
            ends_at=visit.began + lifetimes[visit.kind],
            ip_address=visit.ip_address,
            user_agent=visit.user_agent,
        )
        for visit in history.visits
    ]
    for session in sessions:
        session.expires_at = session.expiry_after(session.last_used_at)
    Session.objects.bulk_create([session for session in sessions if session.expires_at > now][-MAX_SESSIONS:], 500)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK_SIZE)):
        yield chunk
