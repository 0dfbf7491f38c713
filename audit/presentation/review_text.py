"""Sentences about access reviews."""

from audit.models import AuditLog

#: Past and infinitive, by `details.decision`.
DECISIONS = {
    "keep": ("kept", "keep"),
    "change": ("asked to change", "ask to change"),
    "remove": ("decided to remove", "decide to remove"),
    "lock": ("decided to lock", "decide to lock"),
}
SUBJECTS = {
    "account": "an account",
    "grant": "a person's role",
    "role": "a role",
    "key": "an API key",
    "application": "an application",
}


def opened_review(event: AuditLog, target: str) -> str:
    items = event.details.get("items")
    size = f" of {items:,} {'line' if items == 1 else 'lines'}" if isinstance(items, int) else ""
    return f"the access review {target}{size}"


def reviewed_access(event: AuditLog, target: str) -> tuple[str, str, str]:
    """Past, infinitive and what a decision is about."""
    about = event.details.get("about")
    parts = about if isinstance(about, dict) else {}
    what, person = SUBJECTS.get(str(parts.get("kind")), "a line"), parts.get("user_id")
    if role := parts.get("role"):
        what = f"the role {role}"
    if person:
        what += f" of user {person}"
    if event.details.get("carried_out"):
        return ("carried out", "carry out", f"what the access review {target} decided about {what}")
    return (*DECISIONS.get(str(event.details.get("decision")), ("reviewed", "review")), f"{what} in {target}")
