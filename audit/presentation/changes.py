"""The words for changes: of fields, for an event's table, and of what was changed directly in the database."""

from dataclasses import dataclass

from audit.models import Action, AuditLog

FIELD_LABELS = {
    "email": "e-mail address",
    "first_name": "first name",
    "last_name": "last name",
    "is_active": "status",
    "is_service": "kind of account",
    "must_change_password": "required password change",
    "must_add_factor": "required two-factor setup",
    "email_verified_at": "proof of the e-mail address",
    "password_changed_at": "date of the last password change",
    "unlocked_at": "time of the last unlock",
    "factor_kinds": "second factors",
    "locked": "lock",
    "deleted": "deletion",
    "revoked": "revocation",
    "ended": "end",
    "requires_factor": "two-factor requirement",
    "is_requestable": "leave to ask for it",
    "slug": "short name",
    "is_system": "origin",
    "is_customized": "customization",
    "user": "owner",
    "created_by": "creator",
    "expires_at": "expiry",
    "starts_at": "start",
    "ends_at": "end",
    "period_state": "state of the period",
    "role_grants": "period of a role",
    "confirmed_at": "last confirmation of identity",
    "is_remembered": "duration",
    "refresh_hash": "refresh token",
    "secret_hash": "secret",
    "code_hash": "code",
    "sealed_key": "key",
    "credential": "public key",
    "credential_id": "credential ID",
    "letter": "message type",
    "requested_at": "date",
    "retired": "retirement",
    "application_slug": "application",
    "home_url": "address",
    "redirect_uris": "redirect URIs",
    "post_logout_redirect_uris": "post-logout redirect URIs",
    "backchannel_logout_uri": "back-channel logout URI",
    "signing_alg": "signing algorithm",
    "access_token_minutes": "lifetime of access tokens",
    "previous_secret_hash": "replaced secret",
    "previous_secret_expires_at": "end of the replaced secret",
    "is_for_everybody": "openness to everybody",
    "access_hash": "access token",
    "access_expires_at": "end of the access token",
    "set_a": "first set",
    "set_b": "second set",
    "roles_a": "roles of the first set",
    "roles_b": "roles of the second set",
    "permissions_a": "permissions of the first set",
    "permissions_b": "permissions of the second set",
    "asked_by": "asker",
    "approved_by": "second person",
    "approved_at": "approval",
}
#: A user's belongings without a resource of their own, by `details.record`.
RECORD_LABELS = {
    "api_key": "API key",
    "role_grant": "role",
    "authenticator_app": "authenticator app",
    "passkey": "passkey",
    "recovery_code": "recovery code",
    "email_change": "unconfirmed e-mail address",
    "subject": "subject identifier",
    "outgoing_mail": "outgoing mail",
    "exclusion_exception": "exception",
}
DATABASE_SOURCE = "database"
#: Columns whose names differ from those of the fields in services' events.
COLUMN_FIELDS = {
    "password_hash": "password",
    "locked_at": "locked",
    "deleted_at": "deleted",
    "revoked_at": "revoked",
    "ended_at": "ended",
    "user_id": "user",
    "created_by_id": "created_by",
    "retired_at": "retired",
    "service_account_id": "service_account",
    "application_id": "application",
    "session_id": "session",
    "exclusion_id": "exclusion",
    "asked_by_id": "asked_by",
    "approved_by_id": "approved_by",
}
#: Tables whose rows belong to the event's account or role, and the word for a row.
ROW_LABELS = {
    "api_keys": "an API key",
    "app_sign_ins": "a sign-in",
    "subjects": "a subject identifier",
    "email_changes": "a new e-mail address",
    "exclusion_exceptions": "an exception",
    "outgoing_mails": "an e-mail message",
    "passkeys": "a passkey",
    "recovery_codes": "a recovery code",
    "sessions": "a session",
    "totp_keys": "an authenticator app",
}


def field_label(name: str) -> str:
    # Environment variables keep their names.
    return name if name.isupper() else FIELD_LABELS.get(name, name.replace("_", " "))


def join_words(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One field: each side as lines; of two lists only the differences, and the number of common entries."""

    field: str
    before: list[str]
    after: list[str]
    unchanged: int = 0


def change_rows(event: AuditLog) -> list[ChangeRow]:
    """The changed fields in order. Values that don't look like a change are left to the raw JSON."""
    return [_change_row(name, old, new) for name, (old, new) in event.changes.items()]


def _change_row(name: str, old: object, new: object) -> ChangeRow:
    field = name if name.isupper() else field_label(name).capitalize()
    if isinstance(old, list) and isinstance(new, list):
        gone = [str(entry) for entry in old if entry not in new]
        added = [str(entry) for entry in new if entry not in old]
        return ChangeRow(field, gone, added, unchanged=len(old) - len(gone))
    if name == "is_active":
        return ChangeRow(field, _status_lines(old), _status_lines(new))
    return ChangeRow(field, _value_lines(old), _value_lines(new))


def _status_lines(value: object) -> list[str]:
    return [] if value is None else ["Active" if value else "Inactive"]


def _value_lines(value: object) -> list[str]:
    if isinstance(value, bool):
        return ["Yes" if value else "No"]
    if isinstance(value, list):
        return [str(entry) for entry in value]
    return [] if value in (None, "") else [str(value)]


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
