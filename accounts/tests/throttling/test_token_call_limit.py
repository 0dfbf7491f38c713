"""How many calls a token may make in a minute: exact in one process, hardly more in several."""

import pytest
from django.db import transaction

from accounts import session_cache
from accounts.tests.session_cache.test_session_cache import me
from accounts.tests.support.second_process import SecondProcess
from accounts.throttling import rate_limits, token_calls
from reprotech.testing.cast import at_once, make_user
from reprotech.testing.client import Caller

MOST = 150

# Without Redis each process counts for itself.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


@pytest.fixture
def caller(cast, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"token": f"{MOST} per minute"}
    rate_limits.limit_of.cache_clear()
    yield Caller(make_user("caller", "viewer"))
    rate_limits.limit_of.cache_clear()


def status(caller):
    return me(caller)[0]


def test_one_process_allows_as_many_as_it_may(caller):
    assert [status(caller) for _ in range(MOST + 10)] == [200] * MOST + [429] * 10


def test_threads_of_one_process_allow_as_many(caller):
    assert caller.token

    def call():
        return [status(caller) for _ in range(MOST // 4 + 10)]

    found = [status for statuses in at_once(call, call, call, call) for status in statuses]
    assert set(found) == {200, 429}
    # While one tells what was counted, others count on.
    assert MOST <= found.count(200) <= MOST * (1 + 4 / token_calls.LOCAL_FRACTION)


def test_two_processes_tell_each_other_what_they_counted(caller):
    other = SecondProcess(TOKEN_CALLS_PER_MINUTE=str(MOST))
    try:
        statuses = []
        while len(statuses) < MOST + 50:
            statuses += [status(caller), other.me(caller)[0]]
    finally:
        assert other.end() == 0
    assert set(statuses[-20:]) == {429}
    assert MOST <= statuses.count(200) <= MOST * (1 + 2 / token_calls.LOCAL_FRACTION)


def test_who_changes_something_all_the_time_is_counted_all_the_same(caller):
    """Each change makes the process forget the session, but not what it counted."""
    statuses = []
    for number in range(MOST + 10):
        if number % 3 == 0:
            with transaction.atomic():
                session_cache.invalidate_users([caller.user.pk])
        statuses.append(status(caller))
    assert statuses == [200] * MOST + [429] * 10
