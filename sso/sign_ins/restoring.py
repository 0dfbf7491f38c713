"""After a restore: what a backup brings back of sign-ins must let nobody in.

Sign-ins of people hang on sessions, which the restore has ended. What hangs on none ends here.
"""

from typing import Any

from django.utils import timezone

from accounts.access.authorization import authorize, service
from accounts.permissions import SESSION_REVOKE
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor
from sso.models import Application, AppSignIn, DeviceRequest, EndReason


@service
def end_restored_sign_ins(*, actor: Actor) -> int:
    """End what applications hold by themselves, replaced secrets and waiting devices; returns how many sign-ins."""
    authorize(actor, SESSION_REVOKE)
    ended = 0
    for application in Application.objects.select_for_update(no_key=True).order_by("pk"):
        own = AppSignIn.objects.unended().filter(application=application, session__isnull=True)
        number = own.update(ended_at=timezone.now(), end_reason=EndReason.REVOKED)
        had_secret = bool(application.previous_secret_hash)
        if had_secret:
            application.previous_secret_hash, application.previous_secret_expires_at = "", None
            application.save()
        if number or had_secret:
            concealed: dict[str, Any] = {"concealed": ["previous_secret_hash", "secret_hash"]} if had_secret else {}
            record(
                actor=actor,
                action=Action.UPDATE,
                resource="application",
                resource_id=application.pk,
                resource_name=application.name,
                reason="The database was restored.",
                ended_sign_ins=number,
                **concealed,
            )
        ended += number
    DeviceRequest.objects.filter(used_at__isnull=True).delete()
    return ended
