"""Valkey is out of reach: sign-in, tokens and revocation work from the database, and nobody gets in who shouldn't."""

import pytest
from redis import Redis

from accounts import session_cache
from accounts.models import SpentOnce, User
from accounts.session_cache import local
from accounts.users import services as user_services
from reprotech.testing import servers as testing_servers
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller

pytestmark = pytest.mark.django_db(transaction=True)


def log_in(name, password=PASSWORD):
    return Caller().post("/api/auth/login", {"username": name, "password": password})


def bearer(answer):
    return {"HTTP_AUTHORIZATION": f"Bearer {answer.json()['access_token']}"}


def me(answer):
    return Caller().get("/api/auth/me", **bearer(answer)).status_code


def test_everything_works_from_the_database_and_afterwards_from_the_cache_again(
    cast, valkey, super_admin, django_assert_num_queries
):
    signed_in, other = log_in("the-viewer"), log_in("the-manager")
    assert [me(signed_in), me(other), super_admin.get("/api/auth/me").status_code] == [200, 200, 200]
    valkey.stop()

    assert [me(signed_in), me(log_in("the-researcher"))] == [200, 200]
    refreshed = Caller().post("/api/auth/refresh", {"refresh_token": signed_in.json()["refresh_token"]})
    assert me(refreshed) == 200
    assert super_admin.post(f"/api/users/{cast.viewer.pk}/lock").status_code == 200
    assert [me(refreshed), me(signed_in)] == [401, 401]
    assert Caller().post("/api/auth/logout", **bearer(other)).status_code == 200
    assert me(other) == 401
    assert log_in("the-manager", "Wrong-Horse-7").status_code == 401

    valkey.start()
    session_cache.reset()
    SpentOnce.objects.all().delete()  # the bypass flag, which ends after minutes
    assert [me(refreshed), me(other)] == [401, 401]
    again = log_in("the-manager")
    for _ in range(2):
        assert me(again) == 200
    assert not local.bypass_flag.is_raised()  # which holds for a second
    with django_assert_num_queries(0):
        me(again)


def test_without_valkey_each_process_still_locks_out(cast, valkey):
    valkey.stop()
    statuses = [log_in("the-viewer", "Wrong-Horse-7").status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_a_snapshot_that_survived_the_outage_is_not_used(cast, valkey, settings):
    user = make_user("worker", "manager")
    caller = Caller(user)
    for _ in range(2):
        assert caller.get("/api/users").status_code == 200
    # The connection alone breaks: the server keeps what it holds, and the change can't be announced.
    reachable = settings.CACHES
    closed = {**reachable["default"], "LOCATION": f"redis://127.0.0.1:{testing_servers.free_port()}/0"}
    settings.CACHES = {"default": closed}
    user_services.update_user(actor=cast.super_admin, user_id=user.pk, roles=[])
    settings.CACHES = reachable
    kept = Redis.from_url(settings.REDIS_URL).keys("*session-*")
    assert len(kept) == 1
    assert caller.get("/api/users").status_code == 403
    assert User.objects.get(pk=user.pk).grants.permissions == frozenset()
