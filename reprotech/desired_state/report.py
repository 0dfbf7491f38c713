"""Says in plain text what events about roles, exclusions, applications and reviews change."""

from collections.abc import Iterator, Sequence

from audit.models import Action, AuditLog

VERBS = {
    Action.CREATE: ("created", "create"),
    Action.UPDATE: ("changed", "change"),
    Action.DELETE: ("deleted", "delete"),
    Action.REVIEW_OPEN: ("opened", "open"),
}
MAX_LISTED = 200


def report_lines(events: Sequence[AuditLog], *, is_plan: bool) -> Iterator[str]:
    """A line for each event, with the fields that it changes below it, and one that counts them."""
    for event in events[:MAX_LISTED]:
        yield _heading(event, is_plan=is_plan)
        yield from _field_lines(event, is_plan=is_plan)
    if len(events) > MAX_LISTED:
        yield f"… and {len(events) - MAX_LISTED:,} more"
    if not events:
        yield "Nothing to change: all is as the file says."
        return
    number = "1 change" if len(events) == 1 else f"{len(events):,} changes"
    yield f"{number} to make. Nothing was changed." if is_plan else f"{number} made."


def _heading(event: AuditLog, *, is_plan: bool) -> str:
    what = f"{event.resource} {event.resource_name or event.resource_id}".strip()
    action = event.action.replace("_", " ")
    past, infinitive = VERBS.get(Action(event.action), (f"recorded {action} of", f"record {action} of"))
    if event.details.get("mail"):
        past, infinitive = "mailed about", "mail about"
    return f"would {infinitive} {what}" if is_plan else f"{past} {what}"


def _field_lines(event: AuditLog, *, is_plan: bool) -> Iterator[str]:
    for field, (old, new) in event.details.get("changes", {}).items():
        if event.action == Action.DELETE or (event.action == Action.CREATE and new in (None, "", [], False)):
            continue
        if is_plan and field == "client_id":
            continue  # another one will be made
        if isinstance(new, list | tuple) and isinstance(before := old or [], list | tuple):
            added = [f"+ {each}" for each in new if each not in before]
            removed = [f"- {each}" for each in before if each not in new]
            yield f"    {field}: {', '.join([*added, *removed])}"
        elif event.action == Action.CREATE:
            yield f"    {field}: {_value(new)}"
        else:
            yield f"    {field}: {_value(old)} -> {_value(new)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value in (None, "") else str(value)
