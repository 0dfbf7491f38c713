"""How many accounts there were, from the numbers of each day."""

from datetime import UTC, datetime, time
from typing import Any

from django.db.models import Sum

from access_history.models import AccountDay, AccountPeriod
from access_history.questions.selection import Question


def accounts_in(question: Question) -> int | None:
    """Of a question without filters; None for others, whose rows must be counted."""
    if not question.is_unfiltered:
        return None
    window = question.window
    if window.day is None:
        return accounts_at(window.begin)
    accounts: Any = AccountPeriod.objects
    there = accounts_at(window.begin)
    # Those that came during the day, also again after they had been deleted.
    came = accounts.filter(from_at__gt=window.begin, from_at__lt=window.end)
    came = came.between(window.begin, window.end).order_by().values_list("user_id", flat=True).distinct()
    known = accounts.at(window.begin).filter(user_id__in=came.values("user_id"))
    return there + int(came.count()) - int(known.count())


def accounts_at(moment: datetime) -> int:
    """A moment has one period of each account that exists: those begun until then, but for those that ended."""
    midnight = datetime.combine(moment.astimezone(UTC).date(), time(), UTC)
    days = AccountDay.objects.filter(day__lt=midnight.date()).aggregate(begun=Sum("begun"), ended=Sum("ended"))
    begun = AccountPeriod.objects.filter(from_at__gte=midnight, from_at__lte=moment).count()
    ended = AccountPeriod.objects.filter(to_at__gte=midnight, to_at__lte=moment).count()
    return (days["begun"] or 0) - (days["ended"] or 0) + begun - ended
