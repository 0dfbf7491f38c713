"""What held after the last event that was archived and dropped, as it is kept to begin a replay with."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection

from access_history.models import ArchivedState
from access_history.replay import (
    AccountSpan,
    GrantSpan,
    PermissionSpan,
    Replayer,
    RoleBook,
    RoleSpan,
    Span,
    UserHistory,
)
from access_history.replay.events import PERSONAL_NAMES, parse_time
from access_history.replay.roles import LiveRole
from access_history.replay.spans import Facts

USER, ROLE, NAMES = "user", "role", "names"
MOMENTS = frozenset({"from_at", "to_at", "starts_at", "ends_at"})
SPAN_FIELDS = ("from_at", "from_event", "to_at", "to_event")
GRANT_FIELDS = ("user_id", "role_id", "starts_at", "ends_at", "period_event", "granted_by_id", "granted_by_name")
AnySpan = TypeVar("AnySpan", bound=Span)


def archived_roles() -> RoleBook:
    book = RoleBook()
    for row in ArchivedState.objects.filter(kind__in=[ROLE, NAMES]).order_by("subject_id"):
        if row.kind == NAMES:
            book.last_names |= row.state
            continue
        permissions = [_read(PermissionSpan, each) for each in row.state["permissions"]]
        book.add(LiveRole(_read(RoleSpan, row.state["name"]), {span.permission: span for span in permissions}))
    return book


def archived_users(user_ids: Iterable[int]) -> list[UserHistory]:
    found = []
    for row in ArchivedState.objects.filter(kind=USER, subject_id__in=user_ids):
        account = dict(row.state["account"])
        facts = Facts(**_moments({name: account.pop(name) for name in Facts._fields}))
        last = _read(AccountSpan, {**account, "facts": facts})
        grants = [_read(GrantSpan, each) for each in row.state["grants"]]
        found.append(UserHistory(row.subject_id, last, grants))
    return found


def states_after(replayer: Replayer) -> Iterable[ArchivedState]:
    """To keep of these accounts; roles are kept apart."""
    for user in replayer.users.values():
        if user.last is not None:
            account = {**_written(user.last, ("user_id",)), **_texts(user.last.facts._asdict())}
            grants = [_written(grant, GRANT_FIELDS) for grant in user.grants]
            yield ArchivedState(kind=USER, subject_id=user.user_id, state={"account": account, "grants": grants})


def states_of_roles(book: RoleBook) -> Iterable[ArchivedState]:
    yield ArchivedState(kind=NAMES, subject_id=0, state=book.last_names)
    for role_id, role in book.live.items():
        name = _written(role.name, ("role_id", "name"))
        permissions = [_written(span, ("role_id", "permission")) for span in role.permissions.values()]
        yield ArchivedState(kind=ROLE, subject_id=role_id, state={"name": name, "permissions": permissions})


def forget_names(user_id: int) -> None:
    """Of an account that is erased; the names of those who gave roles are kept with the accounts that have them."""
    rows = ArchivedState.objects.filter(kind=USER)
    for row in rows.filter(subject_id=user_id):
        row.state["account"] |= dict.fromkeys(PERSONAL_NAMES, "")
        row.save(update_fields=["state"])
    for row in rows.filter(state__grants__contains=[{"granted_by_id": user_id}]) if _can_search() else rows.iterator():
        if any(grant["granted_by_id"] == user_id and grant["granted_by_name"] for grant in row.state["grants"]):
            for grant in row.state["grants"]:
                if grant["granted_by_id"] == user_id:
                    grant["granted_by_name"] = ""
            row.save(update_fields=["state"])


def without_names(row: ArchivedState) -> dict[str, Any]:
    """The state but for people's names, which may be erased later."""
    if row.kind != USER:
        return dict(row.state)
    account = {name: value for name, value in row.state["account"].items() if name not in PERSONAL_NAMES}
    grants = [
        {name: value for name, value in grant.items() if name != "granted_by_name"} for grant in row.state["grants"]
    ]
    return {"account": account, "grants": grants}


def _can_search() -> bool:
    return connection.vendor == "postgresql"


def _written(span: Span, names: Iterable[str]) -> dict[str, Any]:
    return _texts({name: getattr(span, name) for name in (*SPAN_FIELDS, *names)})


def _texts(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def _moments(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: parse_time(value) if name in MOMENTS else value for name, value in fields.items()}


def _read(kind: type[AnySpan], fields: dict[str, Any]) -> AnySpan:
    return kind(**_moments(fields))
