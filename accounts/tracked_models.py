"""The models of accounts whose changes are recorded in the audit log, whatever makes them."""

from collections.abc import Collection, Iterable
from functools import partial

from django.db import models

from accounts import session_cache
from accounts.models import (
    ApiKey,
    EmailChange,
    Exclusion,
    ExclusionException,
    OutgoingMail,
    Passkey,
    Permission,
    RecoveryCode,
    Role,
    RoleGrant,
    Session,
    TotpKey,
    User,
)
from accounts.periods.recorded_states import states_of_roles, states_of_users
from audit.models import Action
from audit.tracking.model_tracking import track
from audit.tracking.registry import ActionPair, Subject, Tracked

UPDATE = Action.UPDATE
Credential = ApiKey | TotpKey | Passkey | RecoveryCode


def _owned_by_user(row: Credential | EmailChange | OutgoingMail | RoleGrant, record: str, **details: object) -> Subject:
    return Subject("user", row.user_id, row.user.username, {"record": record, **details})


def _invalidate_roles(rows: Iterable[models.Model], columns: Collection[str] | None) -> None:
    session_cache.announce_change(rows, columns)
    session_cache.invalidate_roles()


TRACKED = (
    Tracked(
        User,
        lambda user: Subject("user", user.pk, user.username),
        fields=(
            *("username", "email", "password", "first_name", "last_name", "is_active", "locked_at", "deleted_at"),
            *("is_service", "must_change_password", "password_changed_at", "unlocked_at", "factor_kinds"),
            *("must_add_factor", "email_verified_at", "starts_at", "ends_at", "period_state", "password_set_by"),
            "email_set_by",
        ),
        actions={
            "password": ActionPair(Action.PASSWORD_RESET, Action.PASSWORD_RESET),
            "locked_at": ActionPair(Action.LOCK, Action.UNLOCK),
            "deleted_at": ActionPair(Action.DELETE, UPDATE),
        },
        # `password_set_by` and `email_set_by` refer to another account, not to an owner.
        is_owned=False,
        on_change=partial(session_cache.invalidate_owners, "pk"),
        states=states_of_users,
    ),
    Tracked(
        RoleGrant,
        lambda grant: _owned_by_user(grant, "role_grant", roles=[grant.role.name]),
        fields=("user", "role", "starts_at", "ends_at"),
        created=Action.ROLE_ASSIGN,
        deleted=Action.ROLE_REVOKE,
        named={"role": "roles"},
        on_change=partial(session_cache.invalidate_owners, "user_id"),
        heeds_new_rows=True,
        states=states_of_users,
    ),
    Tracked(
        Role,
        lambda role: Subject("role", role.pk, role.name),
        fields=("name", "slug", "description", "requires_factor", "is_requestable", "is_system", "is_customized"),
        relations={"permissions": ActionPair(UPDATE, UPDATE), "may_grant": ActionPair(UPDATE, UPDATE)},
        on_change=_invalidate_roles,
        states=states_of_roles,
    ),
    Tracked(
        Permission,
        lambda permission: Subject("permission", permission.pk, permission.name),
        fields=("name", "description", "resource", "action", "application_slug", "retired_at"),
        on_change=_invalidate_roles,
    ),
    Tracked(
        Session,
        lambda session: Subject("session", session.pk, session.user.username, {"owner_id": session.user_id}),
        fields=("user", "kind", "ended_at", "ends_at"),
        routine_fields=("expires_at", "confirmed_at", "methods", "is_remembered", "refresh_hash"),
        actions={"ended_at": ActionPair(Action.SESSION_REVOKE, UPDATE)},
        on_change=partial(session_cache.invalidate_owners, "user_id"),
    ),
    # Filed under their owner, by ids: the names of keys and passkeys, and the addresses of a key can be personal, and
    # could never be erased.
    Tracked(
        ApiKey,
        lambda key: _owned_by_user(key, "api_key", key=key.public_id),
        fields=("user", "created_by", "prefix", "secret_hash", "scopes", "addresses", "expires_at", "revoked_at"),
        actions={"revoked_at": ActionPair(Action.KEY_REVOKE, UPDATE)},
        created=Action.KEY_CREATE,
        deleted=Action.KEY_REVOKE,
        concealed=("addresses",),
    ),
    Tracked(
        TotpKey,
        lambda app: _owned_by_user(app, "authenticator_app", kind="totp"),
        fields=("user", "sealed_key"),
        created=Action.FACTOR_ADD,
        deleted=Action.FACTOR_REMOVE,
        concealed=("sealed_key",),
    ),
    Tracked(
        Passkey,
        lambda passkey: _owned_by_user(passkey, "passkey", kind="passkey"),
        fields=("user", "credential_id", "credential"),
        created=Action.FACTOR_ADD,
        deleted=Action.FACTOR_REMOVE,
        concealed=("credential_id", "credential"),
    ),
    Tracked(
        RecoveryCode,
        lambda code: _owned_by_user(code, "recovery_code"),
        fields=("user", "code_hash"),
        created=UPDATE,
        deleted=UPDATE,
    ),
    Tracked(
        Exclusion,
        lambda exclusion: Subject("exclusion", exclusion.pk, exclusion.name),
        fields=("name", "mode", "reason"),
        relations=dict.fromkeys(("roles_a", "permissions_a", "roles_b", "permissions_b"), ActionPair(UPDATE, UPDATE)),
    ),
    # Filed under their exclusion: what people are allowed besides it is a hole in it.
    Tracked(
        ExclusionException,
        lambda exception: Subject(
            "exclusion",
            exception.exclusion_id,
            exception.exclusion.name,
            {"record": "exclusion_exception", "owner_id": exception.user_id},
        ),
        fields=("exclusion", "user", "reason", "ends_at", "asked_by", "approved_by", "approved_at"),
        created=UPDATE,
        deleted=UPDATE,
        concealed=("reason",),
        resource="exclusion",
    ),
    # Details with these names can be erased.
    Tracked(
        EmailChange,
        lambda change: _owned_by_user(change, "email_change", sent_to=change.address),
        fields=("user", "address", "requested_at"),
        created=UPDATE,
        deleted=UPDATE,
        concealed=("address",),
    ),
    Tracked(
        OutgoingMail,
        lambda mail: _owned_by_user(mail, "outgoing_mail", sent_to=mail.address, letter=mail.letter),
        fields=("user", "address", "letter"),
        created=UPDATE,
        # Each message is deleted once it is sent, which is routine.
        deleted=None,
        concealed=("address",),
    ),
)


def track_all() -> None:
    for found in TRACKED:
        track(found)
