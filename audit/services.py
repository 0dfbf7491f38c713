"""Writing events to the audit log."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec
from uuid import UUID

from django.conf import settings

from audit.models import Action, AuditLog
from audit.statistics import latest_event
from reprotech.core.actors import Actor
from reprotech.core.normalization import normalize_text
from reprotech.core.request_context import current_origin, current_principal, current_reason, refuse_reason

#: Parts of names that may never reach a row, even if a caller passes them: defence in depth.
SECRET_NAME_PARTS = ("password", "token", "secret", "hash", "otp")

#: The detail in which the reason stands that was given for the change.
REASON = "reason_given"

Fields = ParamSpec("Fields")
Changes = Mapping[str, tuple[object, object]]

_collected: ContextVar[list[AuditLog] | None] = ContextVar("collected_events", default=None)


@contextmanager
def collected_events() -> Iterator[list[AuditLog]]:
    """The events that are added within the block, in their order: what a change did, or would do if it is rolled back.

    Events of a service that was refused midway are among them, though its transaction took them back.
    """
    events: list[AuditLog] = []
    token = _collected.set(events)
    try:
        yield events
    finally:
        _collected.reset(token)


def _collect(events: Iterable[AuditLog]) -> None:
    if (collected := _collected.get()) is not None:
        collected.extend(events)


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
    """An event that isn't stored yet, for `record_events`; `record` stores it at once.

    Address, user agent, request id, API key and, unless given, session come from the current request. `changes` maps a
    field to its old and new value; `details` takes whatever else explains the event. Raises ValueError when a detail's
    name says that it is a secret, and ReasonRequired where the change needs a reason and has none: this is the one
    place that asks for it, so that no change can forget to.
    """
    origin, principal = current_origin(), current_principal()
    if changes is not None:
        details["changes"] = {field: list(values) for field, values in changes.items()}
    if principal.api_key:
        details.setdefault("key", principal.api_key)
    # One of the event's own, such as of an item among many, goes first.
    own_reason = str(details.get(REASON) or "")
    if reason := own_reason or _reason_for(f"{resource}:{action}", success=success):
        details[REASON] = reason
    secret_changes = (name for name, values in (changes or {}).items() if _may_tell_secret(name, values))
    if secrets := [*filter(is_secret_name, details), *secret_changes]:
        raise ValueError(f"{secrets[0]} must not be recorded in the audit log.")
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


def _reason_for(pair: str, *, success: bool) -> str:
    reason = current_reason()
    is_missing = reason.problem or (not reason.text and pair in settings.REASON_REQUIRED_FOR)
    if success and reason.is_asked and is_missing:
        raise refuse_reason()
    return reason.text


def _recorded(build: Callable[Fields, AuditLog]) -> Callable[Fields, AuditLog]:
    def store(*args: Fields.args, **kwargs: Fields.kwargs) -> AuditLog:
        row = build(*args, **kwargs)
        row.save()
        latest_event.invalidate()
        _collect([row])
        return row

    return store


#: Adds an event and returns it. Call it inside the transaction of the change it describes, so that neither exists
#: without the other.
record = _recorded(build_event)


def record_events(events: Iterable[AuditLog]) -> None:
    _collect(AuditLog.objects.bulk_create(events, batch_size=500))
    latest_event.invalidate()


#: Names with such a part that hold no secret.
HARMLESS_NAMES = frozenset({"must_change_password", "access_token_minutes"})

#: What an event says of a secret setting, instead of its value.
SECRET_STATES = frozenset({"set", "changed"})


def _may_tell_secret(name: str, values: tuple[object, object]) -> bool:
    """Environment variables, in upper case, may be named if their values are no text but such a state."""
    if not is_secret_name(name):
        return False
    return not name.isupper() or not all(_says_no_secret(value) for value in values)


def _says_no_secret(value: object) -> bool:
    return value is None or isinstance(value, int) or (isinstance(value, str) and value in SECRET_STATES)


def is_secret_name(name: str) -> bool:
    return name not in HARMLESS_NAMES and any(part in name.lower() for part in SECRET_NAME_PARTS)
