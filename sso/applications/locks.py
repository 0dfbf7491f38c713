"""Locking the application that a service changes."""

from accounts.access.authorization import Target, authorize
from reprotech.core.actors import Actor
from reprotech.core.exceptions import NotFound
from sso.models import Application
from sso.permissions import SETTINGS_UPDATE


def lock_application(actor: Actor, application_id: int) -> Application:
    """The application, locked until the transaction ends, if `actor` may change it. Raises Forbidden or NotFound.

    Users are locked before roles, and roles before applications, so there are no deadlocks.
    """
    found = Application.objects.visible_to(actor).select_for_update(no_key=True, of=("self",))
    application = found.select_related("service_account").filter(pk=application_id).first()
    authorize(actor, SETTINGS_UPDATE, Target("application", application_id))
    if application is None:
        raise NotFound("application")
    return application
