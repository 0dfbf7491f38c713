"""Numbers of users who came and went each day, as PostgreSQL keeps them, are those that counting gives."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from django.db import connection, transaction

from accounts.models import User, UserDay
from accounts.user_list import counters

pytestmark = pytest.mark.only_on("postgresql")
FIRST = date(2026, 1, 1)


def counted(since):
    """What counting gives."""
    rows = User.objects.values_list("created_at", "deleted_at")
    came = Counter(created.astimezone(UTC).date() for created, _ in rows)
    went = Counter(deleted.astimezone(UTC).date() for _, deleted in rows if deleted)
    return tuple({day: n for day, n in of.items() if day >= since} for of in (came, went))


def kept(since):
    return tuple({day: n for day, n in of.items() if n} for of in counters.changes_since(since))


def a_moment(chance):
    """Of four days, also in their first and last microsecond."""
    midnight = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=chance.randrange(4))
    return midnight + chance.choice([timedelta(0), timedelta(hours=13), timedelta(days=1, microseconds=-1)])


def change(chance, name):
    users = User.objects.filter(username__startswith=name)
    some = users.filter(pk__in=users.order_by("?")[:2])
    what = chance.randrange(6)
    if what < 2:
        number = chance.random()
        User.objects.bulk_create(
            User(username=f"{name}-{number}-{n}", email=f"{name}-{number}-{n}@x.example", created_at=a_moment(chance))
            for n in range(chance.randrange(4))
        )
    elif what == 2:
        some.update(deleted_at=a_moment(chance))
    elif what == 3:
        some.update(deleted_at=None)
    elif what == 4:
        some.update(created_at=a_moment(chance))
    else:
        some.delete()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_any_history(cast, seed, monkeypatch):
    monkeypatch.setattr(counters, "MAX_ROWS", 3)
    chance = Random(seed)
    for _ in range(40):
        with transaction.atomic():
            change(chance, "day")
            transaction.set_rollback(chance.random() < 0.2)
        if chance.random() < 0.2:
            counters.compact()
        for since in (FIRST, FIRST + timedelta(days=2)):
            assert kept(since) == counted(since)
    assert len(kept(FIRST)[0]) > 2


@pytest.mark.django_db(transaction=True)
def test_changes_and_folding_at_once_lose_nothing(cast, monkeypatch):
    monkeypatch.setattr(counters, "MAX_ROWS", 0)

    def work(number):
        chance = Random(number)
        try:
            for _ in range(15):
                change(chance, f"worker-{number}")
                counters.compact()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert kept(FIRST) == counted(FIRST)
    counters.compact()
    assert UserDay.objects.count() == UserDay.objects.values("day").distinct().count() > 2


@pytest.mark.django_db
def test_a_few_rows_are_left_alone(cast):
    before = set(UserDay.objects.values_list("pk", flat=True))
    counters.compact()
    assert set(UserDay.objects.values_list("pk", flat=True)) == before


@pytest.mark.django_db
def test_figures_count_no_users(super_admin):
    def refuse(execute, sql, params, many, context):
        assert 'FROM "users"' not in sql or "created_at" not in sql.partition("WHERE")[2], sql
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        growth = super_admin.get("/api/users/analytics?days=2").json()["user_growth"]
    assert growth[-1]["new"] == User.objects.count() > 0
