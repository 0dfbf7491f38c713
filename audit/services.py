"""Writing events to the audit log."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from audit.models import Action, AuditLog
from audit.statistics import latest_event
from reprotech.core.actors import Actor
from reprotech.core.normalization import normalize_text
from reprotech.core.request_context import current_origin, current_principal

#: Field names that may never reach a row, whoever passes them: a second line of defence.
SECRET_NAME_PARTS = ("password", "token", "secret", "hash", "otp")

Changes = Mapping[str, tuple[Any, Any]]


def record(
    *,
    actor: Actor | None,
    action: Action,
    resource: str,
    resource_id: object = "",
    resource_name: str = "",
    success: bool = True,
    changes: Changes | None = None,
    session_id: UUID | None = None,
    **details: object,
) -> AuditLog:
    """Add an event to the log and return it.

    Call it inside the transaction of the change it describes, so that neither exists without the other. Address, user
    agent, request id, API key and, unless given, session come from the current request. `changes` maps a field to its
    old and new value; `details` takes whatever else explains the event. Raises ValueError when a detail's name says
    that it is a secret.
    """
    row = build_event(
        actor=actor,
        action=action,
        resource=resource,
        resource_id=resource_id,
        resource_name=resource_name,
        success=success,
        changes=changes,
        session_id=session_id,
        **details,
    )
    row.save()
    latest_event.invalidate()
    return row


def build_event(
    *,
    actor: Actor | None,
    action: Action,
    resource: str,
    resource_id: object = "",
    resource_name: str = "",
    success: bool = True,
    changes: Changes | None = None,
    session_id: UUID | None = None,
    **details: object,
) -> AuditLog:
    """The event that `record` would add, not yet stored: for `record_events`."""
    origin, principal = current_origin(), current_principal()
    if changes is not None:
        details["changes"] = {field: list(values) for field, values in changes.items()}
    if principal.api_key:
        details.setdefault("key", principal.api_key)
    _refuse_secrets(details)
    return AuditLog(
        user_id=actor.pk if actor else None,
        username=normalize_text(actor.username)[:254] if actor else "",
        action=action,
        resource=resource,
        resource_id=str(resource_id),
        resource_name=normalize_text(resource_name)[:254],
        success=success,
        ip_address=origin.ip_address or None,
        user_agent=origin.user_agent[:512],
        request_id=origin.request_id,
        session_id=session_id or (principal.session.pk if principal.session else None),
        details=details,
    )


def record_events(events: Iterable[AuditLog]) -> None:
    AuditLog.objects.bulk_create(events, batch_size=500)
    latest_event.invalidate()


def _refuse_secrets(details: Mapping[str, Any]) -> None:
    names = {*details, *details.get("changes", {})}
    for name in names:
        if any(mark in name.lower() for mark in SECRET_NAME_PARTS) and name != "must_change_password":
            raise ValueError(f"{name} must not be recorded in the audit log.")
