"""What the audit log's services ask of their actor, and how every app records a denial.

The log knows no roles: it asks Django's authentication backend.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from django.contrib.auth import get_user_model

from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.actors import Actor, System
from reprotech.core.exceptions import Forbidden
from reprotech.core.request_context import current_origin

MAX_ID_LENGTH = 64

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_in_service: ContextVar[bool] = ContextVar("in_service", default=False)


class Target(Protocol):
    """The record that an actor wanted to touch."""

    resource: str
    pk: Any

    def current_name(self) -> str:
        """Its name, "" if there is none."""


def authorize(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless `actor` holds `permission` by the database at this moment.

    The user of a request was read when it began; so it is read again. The backend knows an API key's scopes.
    """
    if isinstance(actor, System):
        return
    user = get_user_model()._default_manager.filter(pk=actor.pk).first()
    if not (user and user.has_perm(permission)):
        raise Forbidden(permission)


def recording_denials(change: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Record a denial of a change, once its transaction is undone. What it changes it records by itself.

    A service within a service is part of it: the outer one records.
    """

    @wraps(change)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if _in_service.get():
            return change(*args, **kwargs)
        token = _in_service.set(True)
        try:
            with explicitly_recorded():
                return change(*args, **kwargs)
        except Forbidden as denial:
            record_denial(cast("Actor", kwargs["actor"]), denial)
            raise
        finally:
            _in_service.reset(token)

    return run


def record_denial(actor: Actor, denial: Forbidden) -> None:
    """Record a denial once, outside the transaction that it undid.

    It is filed under the record that it is about, or else under the resource of the missing permission.
    """
    if denial.recorded:
        return
    denial.recorded = True
    origin = current_origin()
    target = cast("Target | None", denial.target)
    record(
        actor=actor,
        action=Action.ACCESS_DENIED,
        resource=target.resource if target else denial.required.rpartition("_")[0],
        resource_id=str(target.pk)[:MAX_ID_LENGTH] if target else "",
        resource_name=target.current_name() if target else "",
        success=False,
        required=denial.required,
        method=origin.method,
        path=origin.path[:200],
    )
