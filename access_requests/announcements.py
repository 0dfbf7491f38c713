"""Mails to those who can decide: each request is announced once, and many at once are one mail.

A few people are mailed, not everyone who could decide: those whose roles reach least far above what is asked for. The
dashboard and the list of requests show it to the others.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max
from django.utils import timezone

from access_requests.events import record_request
from access_requests.models import AccessRequest
from access_requests.permissions import USER_UPDATE
from accounts.access.authorization import SYSTEM
from accounts.core.period_notices import described_end
from accounts.models import Role, RoleGrant, User
from accounts.notifications.services import send_notice
from audit.models import Action

#: So long after one mail the next one leaves; what is asked for meanwhile is in that one.
PAUSE = timedelta(hours=1)
#: People who are mailed about a request.
MAX_MAILED = 5
#: People of whom that is decided; requests that one mail names.
MAX_CANDIDATES, MAX_NAMED = 100, 20
LETTER = "access_requested"


def announce_requests() -> int:
    """Mail what nobody was mailed about yet; returns how many mails. Several processes may do this at once."""
    last = AccessRequest.objects.aggregate(last=Max("announced_at"))["last"]
    if last and timezone.now() - last < PAUSE:
        return 0
    return _announce() if AccessRequest.objects.open().filter(announced_at=None).exists() else 0


@transaction.atomic
def _announce() -> int:
    skip_locked = connection.features.has_select_for_update_skip_locked
    new = AccessRequest.objects.open().filter(announced_at=None).order_by("pk")
    requests = list(new.select_for_update(no_key=True, skip_locked=skip_locked, of=("self",)).select_related("role"))
    # Another process has them, or they are decided by now.
    if not requests:
        return 0
    # Also what nobody can decide: it isn't looked at again each half minute.
    AccessRequest.objects.filter(pk__in=[request.pk for request in requests]).update(announced_at=timezone.now())
    mailed = _deciders_of(requests)
    for person, found in mailed.items():
        _mail(person, found)
    for request in requests:
        owners = sorted(person.pk for person, found in mailed.items() if request in found)
        record_request(SYSTEM, Action.UPDATE, request, "announced", mail=LETTER, mailed=owners)
    return len(mailed)


def _deciders_of(requests: Sequence[AccessRequest]) -> dict[User, list[AccessRequest]]:
    """Whom to mail about which of them."""
    left = {request.pk: MAX_MAILED for request in requests}
    found: dict[User, list[AccessRequest]] = {}
    for person in _candidates():
        wanted = [pk for pk, number in left.items() if number]
        if not wanted:
            break
        theirs = set(AccessRequest.objects.filter(pk__in=wanted).decidable_by(person).values_list("pk", flat=True))
        for pk in theirs:
            left[pk] -= 1
        if theirs:
            found[person] = [request for request in requests if request.pk in theirs]
    return found


def _candidates() -> Iterable[User]:
    """People who may give roles at all; who holds least comes first, then who signed in last."""
    roles = Role.objects.filter(permissions__name=USER_UPDATE).order_by().values("pk")
    holders = RoleGrant.objects.current().filter(role__in=roles).order_by().values("user")
    people = User.objects.active().people().with_password().filter(pk__in=holders).with_roles()
    recent = list(people.order_by(F("last_login").desc(nulls_last=True), "pk")[:MAX_CANDIDATES])
    return sorted(recent, key=lambda person: len(person.grants.permissions))


def _mail(person: User, requests: Sequence[AccessRequest]) -> None:
    users = User.objects.in_bulk([request.user_id for request in requests[:MAX_NAMED]])
    lines = [
        f"{users[request.user_id].full_name} ({users[request.user_id].username}) asks for the role "
        f"“{request.role_label(person)}”{f', ending {_end(request)}' if request.ends_at else ''}."
        for request in requests[:MAX_NAMED]
    ]
    more = len(requests) - len(lines)
    page = f"{settings.PUBLIC_URL}/requests" + (f"/{requests[0].pk}" if len(requests) == 1 else "")
    send_notice(person, LETTER, lines=lines, more=more, page=page, number=len(requests))


def _end(request: AccessRequest) -> str:
    return described_end(request.ends_at) if request.ends_at else ""
