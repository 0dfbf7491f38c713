"""Replays the log beside the tables, a few accounts at a time, so that memory stays small whatever the log's length."""

from collections.abc import Iterable, Iterator

from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast

from access_history.access_events import USER, access_events, events_of_roles, events_of_users, read_events
from access_history.archiving.states import archived_roles, archived_users
from access_history.models import AccountPeriod, GrantPeriod
from access_history.replay import Event, Replayer
from accounts.models import User

CHUNK_SIZE = 500
#: The lowest that a row can have, also one that no account has.
MIN_ID = -(2**63)


def chunks_of_users() -> Iterator[list[int]]:
    """The ids of all accounts that the tables or the log know, in ascending order."""
    start = MIN_ID
    while True:
        sources = (
            User._base_manager.filter(pk__gte=start).order_by("pk").values_list("pk", flat=True),
            AccountPeriod.objects.filter(user_id__gte=start).order_by("user_id").values_list("user_id", flat=True),
            GrantPeriod.objects.filter(user_id__gte=start).order_by("user_id").values_list("user_id", flat=True),
        )
        found = sorted({pk for source in sources for pk in source.distinct()[:CHUNK_SIZE]})[:CHUNK_SIZE]
        if not found:
            break
        yield found
        start = found[-1] + 1
    if forgotten := _known_to_log_alone():
        yield forgotten


def _known_to_log_alone() -> list[int]:
    known = AccountPeriod.objects.annotate(text=Cast("user_id", TextField())).filter(text=OuterRef("resource_id"))
    # Whatever it says of them: old logs have no creation of everyone.
    about = access_events().filter(resource=USER).filter(~Exists(known))
    found = about.values_list("resource_id", flat=True).distinct()
    ids = {text for text in found if text.isascii() and text.isdigit()}
    stored = set(User._base_manager.filter(pk__in=ids).values_list("pk", flat=True))
    return sorted({int(text) for text in ids} - stored)


def events_about(user_ids: Iterable[int], *, after: int = 0) -> list[Event]:
    """In the order of ids; those of all roles are among them, since they decide what names mean."""
    found = [events_of_roles(), events_of_users(user_ids)]
    events = [event for events in found for event in read_events(events.filter(pk__gt=after).order_by("pk"))]
    return sorted(events)


def start(user_ids: Iterable[int]) -> Replayer:
    """What held before the first event that the database has: nothing, unless older events were archived."""
    return Replayer(archived_roles(), archived_users(user_ids))
