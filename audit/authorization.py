"""Authorization of the audit log's own services, and the recording of denials for every app.

The log knows no roles: it asks Django's authentication backend.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar, cast

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
    """The record that a denied change was about."""

    resource: str
    pk: object

    def current_name(self) -> str:
        """The record's name, "" if it has none."""


def authorize(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless `actor` holds `permission` at this moment.

    The request's user was read when it began, so it is read again. The backend knows an API key's scopes.
    """
    # A command acts as the installation itself: who can start one can change the database anyway.
    if isinstance(actor, System):
        return
    user = get_user_model()._default_manager.filter(pk=actor.pk).first()
    if not (user and user.has_perm(permission)):
        raise Forbidden(permission)


def recording_denials(change: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Record a denied change after its transaction was rolled back. A nested service leaves it to the outer one."""

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
    """Record a denial once, outside the transaction that it rolled back.

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
        resource=target.resource if target else _resource_of(denial.required),
        resource_id=str(target.pk)[:MAX_ID_LENGTH] if target else "",
        resource_name=target.current_name() if target else "",
        success=False,
        required=denial.required,
        method=origin.method,
        # Cut, since the caller chooses it: a denial must not fill the log.
        path=origin.path[:200],
    )


def _resource_of(permission: str) -> str:
    # The names of applications' permissions have a dot, and resources that no filter offers.
    return "permission" if "." in permission else permission.rpartition("_")[0]
