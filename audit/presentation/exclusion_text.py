"""The words for exceptions from exclusions."""

from audit.models import AuditLog

#: What was done with one, by its step: past and infinitive.
STEPS = {
    "asked": ("asked for", "ask for"),
    "approved": ("approved", "approve"),
    "withdrawn": ("withdrew", "withdraw"),
}


def exception_words(event: AuditLog) -> tuple[str, str, str] | None:
    """What was done and to what, if the event is about an exception.

    The person is named by id: their name could be erased, but not what an event says of an exclusion.
    """
    exception = event.details.get("exception")
    if event.resource != "exclusion" or not isinstance(exception, dict):
        return None
    past, infinitive = STEPS.get(str(exception.get("step")), ("changed", "change"))
    return (
        past,
        infinitive,
        f"an exception for user {exception.get('user_id')} from the exclusion {event.resource_name}",
    )
