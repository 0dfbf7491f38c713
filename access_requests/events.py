"""Events about requests. People are in them by their ids, since they may be erased."""

from typing import Any

from access_requests.models import AccessRequest
from accounts.periods.grants import iso_time
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor


def record_request(actor: Actor, action: Action, request: AccessRequest, step: str, **details: Any) -> None:
    """`step` says what was done: `asked`, `withdrawn`, `granted`, `declined` or `expired`."""
    record(
        actor=actor,
        action=action,
        resource="access_request",
        resource_id=request.pk,
        resource_name=request.role_name,
        step=step,
        owner_id=request.user_id,
        ends_at=iso_time(request.ends_at),
        **details,
    )
