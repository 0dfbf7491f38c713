"""Nobody overwrites what they haven't seen: a change may say which versions of the record it starts from."""

from collections.abc import Collection

from accounts.models import Role, User
from audit.models import AuditLog
from reprotech.core.actors import Actor
from reprotech.core.exceptions import StaleVersion


def refuse_stale_version(actor: Actor, found: User | Role, expected: Collection[str]) -> None:
    """Raise StaleVersion unless the record is still one of the `expected` versions; without any, every version will do.

    Call it once the record is locked: what is compared then is what is changed.
    """
    if expected and found.version not in expected:
        raise StaleVersion(f"{_what_happened(actor, found)} while you were editing.")


def _what_happened(actor: Actor, found: User | Role) -> str:
    """By whom and when it was changed last, as far as the audit log tells."""
    kind = "role" if isinstance(found, Role) else "user"
    rows = AuditLog.objects.filter(resource=kind, resource_id=str(found.pk), success=True)
    # A change is recorded in the transaction that makes it, after the time that the record itself bears.
    row = rows.filter(timestamp__gte=found.updated_at).order_by("id").first()
    if row is None:
        return f"Someone changed this {kind}"
    who = "You yourself" if row.user_id == actor.pk else row.username
    return f"{who} changed this {kind} at {row.timestamp:%H:%M} UTC on {row.timestamp:%-d %b %Y},"
