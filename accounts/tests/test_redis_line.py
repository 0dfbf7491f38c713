"""The connection to Redis that each thread keeps for itself: what happens to it, and that no answers are mixed up."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from accounts import redis_line
from accounts.redis_line import Script

pytestmark = pytest.mark.only_on("postgresql")

ECHO = "return {KEYS[1], ARGV[1]}"


@pytest.fixture
def echo():
    script = Script(ECHO)
    assert script(["key"], ["first"]) == [b"key", b"first"]
    return script


@pytest.fixture
def line():
    return redis_line._connection()


def test_a_redis_that_has_forgotten_the_script_is_told_it_again(echo):
    get_redis_connection().script_flush()
    assert echo(["key"], ["second"]) == [b"key", b"second"]


def test_a_connection_that_was_closed_meanwhile_is_opened_again(echo, line):
    line.send_command("CLIENT", "ID")
    ended = line.read_response()
    get_redis_connection().client_kill_filter(_id=ended)
    assert echo(["key"], ["second"]) == [b"key", b"second"]


def test_whoever_was_interrupted_leaves_no_answer_to_the_next(echo, line, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(line, "read_response", interrupt)
        with pytest.raises(KeyboardInterrupt):
            echo(["mine"], ["interrupted"])
    assert echo(["yours"], ["second"]) == [b"yours", b"second"]


def test_threads_come_and_go_and_take_no_connections_from_the_pool(echo):
    pool = get_redis_connection().connection_pool
    before, connections = pool._created_connections, []

    def ask(number):
        assert echo(["key"], [number]) == [b"key", b"%d" % number]
        connections.append(redis_line._connection())

    for number in range(5):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(ask, number).result()
    assert pool._created_connections == before
    assert [connection.is_connected for connection in connections] == [False] * 5


def test_what_the_script_itself_does_wrong_is_told(line):
    with pytest.raises(RedisError):
        Script("return redis.call('NOTHING')")(["key"], [1])
