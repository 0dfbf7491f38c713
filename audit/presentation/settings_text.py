"""The words for what a start of the server changed (`reprotech.settings_history`)."""

from audit.models import Action, AuditLog

MAX_NAMED = 4


def started_words(event: AuditLog) -> tuple[str, str] | None:
    """What was done and to what, if the event is about the settings that a server was started with."""
    if event.resource != "settings" or not event.resource_name or "fingerprint" not in event.details:
        return None
    if event.action == Action.CREATE:
        return "began the record", f"of the settings that {event.resource_name} was started with"
    names = list(event.changes)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"started {event.resource_name}", f"with changes: {', '.join(names[:MAX_NAMED])}{more}"
