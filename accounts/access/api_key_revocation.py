"""Revoking API keys as part of another change, each with an audit event."""

from django.utils import timezone

from accounts.access.user_events import record_user
from accounts.models import ApiKey, User
from accounts.models.querysets import ApiKeyQuerySet
from audit.models import Action
from reprotech.core.actors import Actor

#: `details.reason` of the audit events.
PASSWORD_RESET = "password_reset"  # noqa: S105 (no password)
PASSWORD_CHANGED = "password_change"  # noqa: S105
FACTORS_REMOVED = "factors_removed"
SESSIONS_ENDED = "sessions_ended"
ACCOUNT_DELETED = "account_deleted"
MAKER_DISABLED = "maker_disabled"


def revoke_keys_of(actor: Actor, user: User, *, reason: str) -> int:
    """Revoke all keys of a locked user, within a transaction; returns how many."""
    return _revoke(actor, user.api_keys.all(), reason)


def revoke_keys_made_for_people_by(actor: Actor, maker: User) -> int:
    """Revoke the keys that a user, who loses access, created for other people in earlier versions; returns how many.

    Keys of service accounts stay: laboratories depend on them, and they don't act as a person.
    """
    keys = ApiKey.objects.filter(created_by=maker, user__is_service=False).exclude(user=maker)
    return _revoke(actor, keys, MAKER_DISABLED)


def _revoke(actor: Actor, keys: ApiKeyQuerySet, reason: str) -> int:
    now = timezone.now()
    # Read first: an update alone doesn't say which keys to record.
    revoked = list(keys.unrevoked().select_related("user"))
    ApiKey.objects.filter(pk__in=[key.pk for key in revoked]).update(revoked_at=now)
    for key in revoked:
        record_user(actor, Action.KEY_REVOKE, key.user, key=key.public_id, reason=reason)
    return len(revoked)
