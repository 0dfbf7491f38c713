"""Recording audit events about users."""

from typing import Any

from accounts.models import User
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor


def record_user(actor: Actor, action: Action, user: User, /, **details: Any) -> None:
    """`details` are those of `record`, such as `changes`."""
    record(
        actor=actor,
        action=action,
        resource="user",
        resource_id=user.pk,
        resource_name=user.username,
        **details,
    )
