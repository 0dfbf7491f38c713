"""The words for fields and records in sentences about events."""

FIELD_LABELS = {
    "email": "e-mail address",
    "first_name": "first name",
    "last_name": "last name",
    "is_active": "status",
    "is_service": "kind of account",
    "must_change_password": "required password change",
    "must_add_factor": "required two-factor setup",
    "password_changed_at": "date of the password",
    "unlocked_at": "time of the last unlocking",
    "factor_kinds": "second factors",
    "locked": "lock",
    "deleted": "deletion",
    "revoked": "revocation",
    "ended": "end",
    "requires_factor": "two-factor requirement",
    "slug": "short name",
    "is_system": "origin",
    "is_customized": "independence of new versions",
    "user": "owner",
    "created_by": "maker",
    "expires_at": "expiry",
    "ends_at": "latest end",
    "confirmed_at": "last proof of identity",
    "is_remembered": "duration",
    "refresh_hash": "refresh token",
    "secret_hash": "secret",
    "code_hash": "code",
    "sealed_key": "key",
    "credential": "public key",
    "credential_id": "number",
    "letter": "kind",
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
