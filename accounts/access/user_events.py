"""Recording audit events about users."""

from accounts.models import User
from audit.models import Action
from audit.services import Changes, record
from reprotech.core.actors import Actor


def record_user(
    actor: Actor,
    action: Action,
    user: User,
    /,
    *,
    success: bool = True,
    changes: Changes | None = None,
    **details: object,
) -> None:
    record(
        actor=actor,
        action=action,
        resource="user",
        resource_id=user.pk,
        resource_name=user.username,
        success=success,
        changes=changes,
        session_id=None,  # that of the request
        **details,
    )
