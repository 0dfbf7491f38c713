"""Sentences about the ends of sign-ins at applications."""

from audit.models import AuditLog

#: Why people were signed out of an application that they didn't leave themselves.
CAUSES = {
    "session_ended": "their session was ended",
    "account_disabled": "their account was closed to them",
    "required_action": "something has to be done first at the next sign-in",
    "role_taken": "no role of theirs opens it any more",
    "application_inactive": "it was switched off",
    "application_deleted": "it was deleted",
    "code_reuse": "a code was used twice",
    "refresh_reuse": "a refresh token was used twice",
    "expired": "their session expired",
}


def signed_out_of(event: AuditLog, who: str, target: str) -> str:
    owner = event.details.get("owner_id")
    if owner is not None and owner != event.user_id:
        return f"{who} ended a sign-in at {target}"
    cause = CAUSES.get(str(event.details.get("reason")))
    return f"{who} was signed out of {target}, since {cause}" if cause else f"{who} signed out of {target}"
