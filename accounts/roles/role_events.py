"""Recording audit events about roles."""

from typing import Any

from accounts.models import Role
from audit.models import Action
from audit.services import Changes, record
from reprotech.core.actors import Actor


def record_role(actor: Actor, action: Action, role: Role, changes: Changes, **details: Any) -> None:
    about: dict[str, Any] = {"resource": "role", "resource_id": role.pk, "resource_name": role.name}
    record(actor=actor, action=action, changes=changes, **about, **details)
