"""The words for what left as a file or as a report."""

from audit.models import AuditLog

RESOURCE_NOUNS = {
    "audit": ("event", "events"),
    "user": ("user", "users"),
    "role": ("role", "roles"),
    "review": ("line", "lines"),
    "access": ("account", "accounts"),
}


def exported(event: AuditLog, target: str) -> str:
    """Such as "12 events of the audit log"; `target` is the record that the event is about."""
    one, many = RESOURCE_NOUNS.get(event.resource, ("row", "rows"))
    rows = event.details.get("rows")
    what = f"{rows:,} {one if rows == 1 else many}" if isinstance(rows, int) else many
    if event.resource == "access":
        return f"who had access{_when(event)} ({what})"
    of = {"audit": " of the audit log", "review": f" of the access review {target}"}
    return what + of.get(event.resource, "")


def _when(event: AuditLog) -> str:
    asked = event.details.get("filters")
    asked = asked if isinstance(asked, dict) else {}
    return next((f" {name} {asked[name]}" for name in ("on", "at") if asked.get(name)), "")
