"""The words for fields and records in sentences about events, and an event's changes for tables."""

from dataclasses import dataclass

from audit.models import AuditLog

FIELD_LABELS = {
    "email": "e-mail address",
    "first_name": "first name",
    "last_name": "last name",
    "is_active": "status",
    "is_service": "kind of account",
    "must_change_password": "required password change",
    "must_add_factor": "required two-factor setup",
    "password_changed_at": "date of the last password change",
    "unlocked_at": "time of the last unlock",
    "factor_kinds": "second factors",
    "locked": "lock",
    "deleted": "deletion",
    "revoked": "revocation",
    "ended": "end",
    "requires_factor": "two-factor requirement",
    "slug": "short name",
    "is_system": "origin",
    "is_customized": "customization",
    "user": "owner",
    "created_by": "creator",
    "expires_at": "expiry",
    "ends_at": "absolute expiry",
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
}
#: A user's belongings without a resource of their own, by `details.record`.
RECORD_LABELS = {
    "api_key": "API key",
    "authenticator_app": "authenticator app",
    "passkey": "passkey",
    "recovery_code": "recovery code",
    "email_change": "unconfirmed e-mail address",
    "outgoing_mail": "outgoing mail",
}


def field_label(name: str) -> str:
    return FIELD_LABELS.get(name, name.replace("_", " "))


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
    field = field_label(name).capitalize()
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
