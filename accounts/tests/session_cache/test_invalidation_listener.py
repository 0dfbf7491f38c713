"""Redis' invalidations: nothing is missed, and a process that can't be sure says so."""

import time

import pytest
from django.core.cache import cache
from django_redis import get_redis_connection
from redis import Redis

from accounts.session_cache import invalidation_listener
from accounts.session_cache.invalidation_listener import InvalidationListener
from reprotech.testing.cast import eventually

pytestmark = pytest.mark.only_on("postgresql")

WATCHED = ":1:watched-"


class Listener:
    """A process with a local cache, and the keys that it was to forget."""

    def __init__(self):
        self.received = []
        self.listener = InvalidationListener(self.received.append)

    def is_sure(self):
        """Whether all is known, after catching up."""
        self.listener.drain([WATCHED])
        return self.listener.is_current(time.monotonic())

    def learn(self):
        """Wait until all is known, and name the keys that were invalidated until then."""
        assert eventually(self.is_sure)
        received, self.received[:] = list(self.received), []
        return set().union(*filter(None, received))


@pytest.fixture
def listener(valkey):
    """On a server of the test's own: Redis tells of all its databases, and some of these tests bring it to a stop."""
    listener = Listener()
    assert eventually(listener.is_sure)
    assert listener.received == [None], "of what was before, all may have changed"
    listener.received.clear()
    yield listener
    listener.listener.close()


@pytest.fixture
def redis(valkey):
    return get_redis_connection("default")


def are_complete(listener):
    return listener.listener.is_current(time.monotonic())


def test_a_change_is_known_as_soon_as_it_is_made(listener):
    for number in range(100):
        assert listener.learn() == set()
        cache.set(f"watched-{number}", 1)
        assert not are_complete(listener)
        assert listener.learn() == {f"{WATCHED}{number}".encode()}


@pytest.mark.parametrize("change", ["set_many", "delete", "expire", "flush"])
def test_whatever_changes_a_key_is_a_change(listener, redis, change):
    names = {f"{WATCHED}{number}".encode() for number in range(3)}
    cache.set_many({f"watched-{number}": 1 for number in range(3)}, 60)
    listener.learn()
    match change:
        case "set_many":
            cache.set_many({f"watched-{number}": 2 for number in range(3)}, 60)
        case "delete":
            redis.delete(*names)
        case "expire":
            for name in names:
                redis.pexpire(name, 1)
            time.sleep(0.01)
            assert redis.exists(*names) == 0
        case "flush":
            redis.flushdb()
    assert eventually(lambda: listener.is_sure() and listener.received)
    assert listener.received == [None] if change == "flush" else set().union(*filter(None, listener.received)) == names


def test_what_others_write_disturbs_nobody(listener):
    cache.set("something-else", 1)
    assert listener.learn() == set()


def test_what_was_read_before_a_change_is_not_kept_after_it(listener):
    kept = []
    count = listener.listener.changes
    listener.listener.run_unless_changed(count, lambda: kept.append("good"))
    cache.set("watched-1", 1)
    listener.learn()
    listener.listener.run_unless_changed(count, lambda: kept.append("stale"))
    assert kept == ["good"]


def test_after_a_break_of_the_connection_everything_may_have_changed(listener, redis):
    listener.listener._breaker._seconds = 0
    for client in redis.client_list():
        if "t" in client["flags"]:  # it tracks keys
            redis.client_kill_filter(_id=client["id"])
    assert not are_complete(listener)
    cache.set("watched-1", 1)
    assert not listener.is_sure()
    assert eventually(listener.is_sure)
    assert listener.received == [None]


def test_a_redis_that_says_nothing_is_not_trusted_for_long(listener, redis, monkeypatch):
    monkeypatch.setattr(invalidation_listener, "CURRENT_SECONDS", 0.2)
    time.sleep(invalidation_listener.PING_INTERVAL_SECONDS)
    listener.learn()
    connection = listener.listener._connection
    redis.client_pause(1_000, all=True)
    time.sleep(0.25)
    assert not listener.is_sure()
    assert listener.learn() == set()
    assert listener.listener._connection is connection


def test_a_ping_that_never_comes_back_ends_the_connection(listener, redis, monkeypatch):
    monkeypatch.setattr(invalidation_listener, "CURRENT_SECONDS", 0.2)
    monkeypatch.setattr(invalidation_listener, "PING_TIMEOUT_SECONDS", 0.5)
    listener.listener._breaker._seconds = 0
    redis.client_pause(1_500, all=True)
    assert eventually(lambda: not listener.is_sure() and listener.listener._connection is None, seconds=1.4)
    assert eventually(listener.is_sure)
    assert listener.received == [None]


def test_messages_that_nobody_understands_invalidate_nothing(listener, monkeypatch):
    def fail(*_args, **_options):
        raise ValueError("nonsense")

    cache.set("watched-1", 1)
    with monkeypatch.context() as patched:
        patched.setattr(listener.listener._connection, "read_response", fail)
        assert not listener.is_sure()
    listener.listener._breaker.reset()
    assert eventually(listener.is_sure)
    assert listener.received == [None]


def test_a_redis_that_forbids_it_is_left_alone(redis, monkeypatch, caplog):
    redis.acl_setuser("limited", enabled=True, nopass=True, keys="*", commands=["+@all", "-client|tracking"])
    try:
        url = redis.connection_pool.connection_kwargs
        limited = Redis(host=url["host"], port=url["port"], db=url["db"], username="limited", password="any")
        monkeypatch.setattr(invalidation_listener, "get_redis_connection", lambda _alias: limited)
        listener = Listener()
        for _ in range(3):
            assert not listener.is_sure()
        assert listener.received == []
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "Redis' news of changes" in caplog.text
    finally:
        redis.acl_deluser("limited")
