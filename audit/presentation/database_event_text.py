"""Sentences about changes that were made directly in the database."""

from audit.models import Action, AuditLog
from audit.presentation.changes import field_label, join_words

SOURCE = "database"
#: Columns whose names differ from those of the fields in services' events.
COLUMN_FIELDS = {
    "password_hash": "password",
    "locked_at": "locked",
    "deleted_at": "deleted",
    "revoked_at": "revoked",
    "ended_at": "ended",
    "user_id": "user",
    "created_by_id": "created_by",
}
#: Tables whose rows belong to the event's account or role, and the word for a row.
ROW_LABELS = {
    "api_keys": "an API key",
    "email_changes": "a new e-mail address",
    "outgoing_mails": "an e-mail message",
    "passkeys": "a passkey",
    "recovery_codes": "a recovery code",
    "sessions": "a session",
    "totp_keys": "an authenticator app",
}


def database_sentence(event: AuditLog, target: str) -> str:
    role = event.details.get("database_role")
    application = event.details.get("application")
    who = f"The {event.username}" + (f" ({application})" if application else "") if role else "Someone"
    where = "directly in the database" + ("" if role else ", and SQLite doesn't say who")
    return f"{who} {_action_text(event, target)} {where}"


def _action_text(event: AuditLog, target: str) -> str:
    verbs = event.details.get("verbs") or []
    if "truncate" in verbs:
        return f"removed everything from the table {event.details.get('table')}"
    if relation := _relation_text(event, target):
        return relation
    row = ROW_LABELS.get(str(event.details.get("table")))
    if "update" in verbs:
        words = join_words([field_label(COLUMN_FIELDS.get(name, name)) for name in event.details.get("columns") or []])
        return f"changed the {words} of {f'{row} of ' if row else ''}{target}"
    if row:
        return f"added {row} to {target}" if "insert" in verbs else f"removed {row} from {target}"
    return f"{'created' if event.action == Action.CREATE else 'deleted'} {target}"


def _relation_text(event: AuditLog, target: str) -> str:
    details = event.details
    if event.action in {Action.ROLE_ASSIGN, Action.ROLE_REVOKE}:
        roles = [str(name) for name in details.get("roles") or []]
        what = f"the role{'s' if len(roles) > 1 else ''} {join_words(roles)}"
        return f"gave {target} {what}" if event.action == Action.ROLE_ASSIGN else f"took {what} from {target}"
    added, removed = ([str(name) for name in details.get(name) or []] for name in ("added", "removed"))
    parts = [f"gave {target} {join_words(added)}"] * bool(added) + [f"took {join_words(removed)} from {target}"] * bool(
        removed
    )
    return " and ".join(parts)
