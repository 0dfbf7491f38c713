"""What applications have to learn when a sign-in ends, and `sid`, by which they know whose session it was."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from sso.models import Application, AppSignIn, LogoutNotice
from sso.sign_ins.wake import wake


def queue_notices(sign_ins: Iterable[AppSignIn]) -> None:
    """Queue one for each sign-in, within the transaction that ends it; they are delivered from the commit on."""
    LogoutNotice.objects.bulk_create(filter(None, map(_notice_of, sign_ins)))
    transaction.on_commit(wake)


def _notice_of(sign_in: AppSignIn) -> LogoutNotice | None:
    """None if the application has no address for that, or has never got anything."""
    application, subject = sign_in.application, getattr(sign_in.user, "subject", None)
    if not application.backchannel_logout_uri or not sign_in.access_hash or not subject or not sign_in.session_id:
        return None
    return LogoutNotice(
        application=application,
        client_id=application.client_id,
        sign_in=sign_in,
        subject=subject.value,
        sid=session_claim(sign_in.session_id, application),
    )


def session_claim(session_id: UUID, application: Application) -> str:
    """`sid`: the same for all sign-ins of one session at one application, and another one at every other."""
    # Of random ids, so that no key is needed, and a replaced SECRET_KEY changes nothing that programs remember.
    return hashlib.sha256(f"reprotech.sso.sid {session_id} {application.pk}".encode()).hexdigest()[:32]
