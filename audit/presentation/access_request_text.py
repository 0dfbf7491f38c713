"""The words for requests for access."""

from audit.models import AuditLog

#: What was done with one, by its step: past and infinitive.
STEPS = {
    "asked": ("asked for", "ask for"),
    "withdrawn": ("withdrew the request of user {owner} for", "withdraw the request of user {owner} for"),
    "granted": ("granted user {owner}", "grant user {owner}"),
    "declined": ("declined the request of user {owner} for", "decline the request of user {owner} for"),
    "expired": ("closed the request of user {owner} for", "close the request of user {owner} for"),
    "announced": ("announced the request of user {owner} for", "announce the request of user {owner} for"),
}
#: Why one ended by itself.
ENDS = {
    "expired": ", which nobody decided in time",
    "role_deleted": ", which was deleted",
    "account_deleted": ", since the account was deleted",
}


def request_words(event: AuditLog) -> tuple[str, str, str] | None:
    """What was done and to what, if the event is about a request for access; people are named by id."""
    if event.resource != "access_request":
        return None
    step, owner = str(event.details.get("step")), event.details.get("owner_id")
    past, infinitive = (words.format(owner=owner) for words in STEPS.get(step, ("changed", "change")))
    why = ENDS.get(str(event.details.get("reason")), "") if step == "expired" else ""
    return (past, infinitive, f"the role {event.resource_name}{why}")
