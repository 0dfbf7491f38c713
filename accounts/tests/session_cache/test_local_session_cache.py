"""Sessions that a process keeps until Redis reports a change: Redis is not asked, and no stale session is served."""

import pytest
from django_redis import get_redis_connection

from accounts import session_cache
from accounts.session_cache import local, lookup
from accounts.sessions import services as session_services
from accounts.tests.session_cache.test_session_cache import me, warm
from accounts.users import services as user_services
from reprotech.testing.cast import at_once, make_user
from reprotech.testing.client import Caller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


@pytest.fixture
def worker(cast):
    session_cache.reset()
    caller = Caller(make_user("worker", "viewer"))
    assert caller.token  # signed in from the beginning
    return caller


@pytest.fixture
def asked(monkeypatch):
    """What Redis was asked."""
    questions, call = [], lookup._call_redis

    def ask(*question):
        questions.append(question)
        return call(*question)

    monkeypatch.setattr(lookup, "_call_redis", ask)
    return questions


def test_a_session_that_did_not_change_is_not_asked_for(worker, asked):
    warm(worker)
    asked.clear()
    for _ in range(20):
        assert me(worker)[0] == 200
    # A ping is sent every so often, and until its answer is there some requests have to ask.
    assert len(asked) <= 10


def test_without_invalidations_each_request_asks(worker, asked, monkeypatch):
    monkeypatch.setattr(local.listener, "is_current", lambda now: False)
    warm(worker)
    asked.clear()
    for _ in range(20):
        assert me(worker)[0] == 200
    assert len(asked) == 20


@pytest.mark.parametrize("forget", ["its scripts", "its clients"])
def test_a_redis_that_has_restarted_is_asked_as_before(worker, asked, monkeypatch, forget):
    monkeypatch.setattr(local.listener, "is_current", lambda now: False)
    warm(worker)
    redis = get_redis_connection()
    if forget == "its scripts":
        redis.script_flush()
    else:
        redis.client_kill_filter(_type="normal", skipme=False)
    asked.clear()
    session = worker.signed_in.session
    assert session_cache.fetch(session.pk, worker.user.pk).session is not None
    assert len(asked) == 1


def test_while_someone_changes_a_user_again_and_again_nobody_reads_what_was_before(cast, worker):
    session, done = worker.signed_in.session, 0

    def change():
        nonlocal done
        for number in range(1, 41):
            user_services.update_user(actor=cast.super_admin, user_id=worker.user.pk, first_name=str(number))
            done = number

    def read():
        stale, reads = [], 0
        while done < 40:
            known = done
            found = session_services.find_session(session_id=session.pk, user_id=worker.user.pk)
            reads += 1
            if int(found.user.first_name or 0) < known:
                stale.append((known, found.user.first_name))
        return reads, stale

    _, *readers = at_once(change, read, read, read)
    assert [stale for _, stale in readers] == [[], [], []]
    assert min(reads for reads, _ in readers) > 40
