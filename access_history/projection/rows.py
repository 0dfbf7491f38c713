"""Rows of the projection's tables, as replay's spans, and back."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from access_history.models import AccountPeriod, GrantPeriod, RolePeriod, RolePermissionPeriod
from access_history.models.periods import Period
from access_history.replay import AccountSpan, GrantSpan, PermissionSpan, RoleSpan, Span
from access_history.replay.spans import Facts

PERIOD_FIELDS = ("from_at", "to_at", "from_event", "to_event")
GRANT_FIELDS = (*("user_id", "role_id", "starts_at", "ends_at", "period_event", "granted_by_id", "granted_by_name"),)
MODELS: dict[type[Span], type[Period]] = {
    AccountSpan: AccountPeriod,
    GrantSpan: GrantPeriod,
    RoleSpan: RolePeriod,
    PermissionSpan: RolePermissionPeriod,
}
#: What an event may change of a row that is there.
CHANGING: dict[type[Period], tuple[str, ...]] = {
    AccountPeriod: ("to_at", "to_event"),
    GrantPeriod: ("from_at", "to_at", "to_event", "starts_at", "ends_at", "period_event"),
    RolePeriod: ("from_at", "to_at", "to_event"),
    RolePermissionPeriod: ("from_at", "to_at", "to_event"),
}
BATCH_SIZE = 500


class Content(NamedTuple):
    """A row of which model, and its fields but for the key."""

    model: type[Period]
    fields: dict[str, Any]


def content_of(span: Span) -> Content:
    """The row of a span."""
    fields: dict[str, Any] = {name: getattr(span, name) for name in PERIOD_FIELDS}
    if isinstance(span, AccountSpan):
        fields |= {"user_id": span.user_id, **span.facts._asdict()}
    elif isinstance(span, GrantSpan):
        fields |= {name: getattr(span, name) for name in GRANT_FIELDS}
    elif isinstance(span, RoleSpan):
        fields |= {"role_id": span.role_id, "name": span.name}
    elif isinstance(span, PermissionSpan):
        fields |= {"role_id": span.role_id, "permission": span.permission}
    return Content(MODELS[type(span)], fields)


def account_span(row: AccountPeriod) -> AccountSpan:
    facts = Facts(*(getattr(row, name) for name in Facts._fields))
    return AccountSpan(user_id=row.user_id, facts=facts, key=row.pk, **_period(row))


def grant_span(row: GrantPeriod) -> GrantSpan:
    fields = {name: getattr(row, name) for name in GRANT_FIELDS}
    return GrantSpan(key=row.pk, **fields, **_period(row))


def role_span(row: RolePeriod) -> RoleSpan:
    return RoleSpan(role_id=row.role_id, name=row.name, key=row.pk, **_period(row))


def permission_span(row: RolePermissionPeriod) -> PermissionSpan:
    return PermissionSpan(role_id=row.role_id, permission=row.permission, key=row.pk, **_period(row))


def _period(row: Period) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PERIOD_FIELDS}


def store(spans: Iterable[Span]) -> None:
    """Insert the new ones, and update those whose row is there."""
    new: dict[type[Period], list[Period]] = defaultdict(list)
    changed: dict[type[Period], list[Period]] = defaultdict(list)
    for span in spans:
        if span.key is None or span.is_changed:
            model, fields = content_of(span)
            (new if span.key is None else changed)[model].append(model(**{"id": span.key, **fields}))
    # Ended first: an account has one live period at most, and so has a role.
    for model, rows in changed.items():
        model._default_manager.bulk_update(rows, CHANGING[model], batch_size=BATCH_SIZE)
    for model, rows in new.items():
        model._default_manager.bulk_create(rows, batch_size=BATCH_SIZE)
