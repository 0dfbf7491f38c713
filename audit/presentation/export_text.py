"""The words for what left as a file or as a report, and for what came as a file."""

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


def imported(event: AuditLog) -> str:
    """Such as "hr.csv: 3 users created, 2 changed, 1 ended"."""
    file = str(event.details.get("file") or "").strip() or "a file"
    if not event.success:
        return file
    counts = [(name, event.details.get(name)) for name in ("created", "changed", "ended")]
    said = [f"{number:,} {name}" for name, number in counts if isinstance(number, int) and number]
    return f"{file}: {', '.join(said)}" if said else f"{file}, which changed nothing"


def _when(event: AuditLog) -> str:
    asked = event.details.get("filters")
    asked = asked if isinstance(asked, dict) else {}
    return next((f" {name} {asked[name]}" for name in ("on", "at") if asked.get(name)), "")
