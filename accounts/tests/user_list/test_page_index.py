"""Pages deep in the list are those that walking gives: for any order, after any changes, also while they happen."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import User, UserMove, UserSignpost
from accounts.tests.support.user_triggers import MAX_TRACKED_ROWS
from accounts.user_list import page_index
from accounts.user_list.filters import UserFilter
from accounts.users.erasure import erase_personal_data
from reprotech.core.process_cache import process_cache
from reprotech.testing.cast import make_many_users

pytestmark = pytest.mark.only_on("postgresql")
SORTS = [sign + name for name in UserFilter.sorts for sign in ("", "-")]


@pytest.fixture
def short_ways(monkeypatch):
    """Signposts every few users, so that few users make a long list."""
    monkeypatch.setattr(page_index, "STEP", 7)
    monkeypatch.setattr(page_index, "MIN_POSITION", 10)
    monkeypatch.setattr(page_index, "MAX_DELTAS", 5)
    monkeypatch.setattr(page_index, "MAX_TIMESTAMP_DELTAS", 5)


@pytest.fixture
def many(cast, short_ways):
    make_many_users(120)
    # Equal values and missing ones, in each order.
    User.objects.filter(pk__in=User.objects.order_by("?")[:40]).update(first_name="Same", last_name="", last_login=None)
    page_index.refresh()


def scan(sort):
    users = UserFilter({"sort": sort})
    assert users.is_valid()
    return list(users.ordered(User.objects.existing()).values_list("pk", flat=True))


def pages(sort, *, scanned=0, size=6):
    """Every page of the list, one after the other; fails when more than `scanned` of a hundred were scanned."""
    found, count, long = [], 0, scan(sort)
    for first in range(12, len(long), size):
        page = page_index.users_at(User.objects.existing(), sort, first, size)
        found += long[first : first + size] if page is None else [user.pk for user in page]
        count += page is None
    assert count * size <= scanned * len(long) / 100
    return found


@pytest.mark.parametrize("sort", SORTS)
def test_every_page_of_every_order(many, sort):
    assert pages(sort) == scan(sort)[12:]


@pytest.mark.parametrize("seed", range(6))
def test_after_any_changes(many, seed):
    chance = Random(seed)
    for _ in range(25):
        change(chance)
    for sort in SORTS:
        # Near the beginning there may be more rank deltas than users before an anchor.
        assert pages(sort, scanned=70) == scan(sort)[12:], sort
    page_index.refresh()
    assert not UserMove.objects.filter(sort="first_name").exists()
    for sort in SORTS:
        assert pages(sort) == scan(sort)[12:], sort


def change(chance):
    """Something that moves users in some order."""
    users = User.objects.filter(username__startswith="many-")
    some = users.filter(pk__in=users.order_by("?")[: chance.randrange(1, 4)])
    what = chance.randrange(6)
    if what == 0:
        name = f"many-new-{chance.random()}"
        User.objects.create(username=name, email=f"{name}@lab.example", first_name="Same", last_login=timezone.now())
    elif what == 1:
        some.update(first_name=chance.choice(["Aa", "Same", "zz"]), last_name=chance.choice(["", "Same"]))
    elif what == 2:
        some.update(last_login=chance.choice([None, timezone.now()]), is_active=chance.choice([True, False]))
    elif what == 3:
        some.update(deleted_at=timezone.now())
    elif what == 4:
        users.filter(deleted_at__isnull=False).update(deleted_at=None)
    else:
        users.filter(pk__in=users.order_by("?")[:1]).delete()


def test_signposts_of_a_server_of_an_earlier_version_are_as_good(many):
    """It may put some up after the database is that of this version, and wrote 12:00:00.5 where this one has zeros."""
    moment = timezone.now().replace(microsecond=500_000)
    for number, user in enumerate(User.objects.filter(username__startswith="many-").order_by("id")):
        User.objects.filter(pk=user.pk).update(last_login=moment + timedelta(seconds=number))
    page_index.rebuild("last_login")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE user_signposts SET key = key::timestamptz::text WHERE sort LIKE '%last_login'")
    # The user at an anchor moves elsewhere.
    for user_id in UserSignpost.objects.filter(sort="last_login").values_list("user_id", flat=True):
        User.objects.filter(pk=user_id).update(last_login=None)
    for sort in ("last_login", "-last_login"):
        assert pages(sort, scanned=40) == scan(sort)[12:], sort


def test_the_moves_of_a_short_list_are_forgotten(cast, monkeypatch):
    """It has no signposts, of which new ones would take them away."""
    monkeypatch.setattr(page_index, "MAX_DELTAS", 20)
    page_index.refresh()
    assert not UserMove.objects.exists()
    User.objects.filter(pk=cast.viewer.pk).update(last_login=timezone.now())
    page_index.refresh()
    assert UserMove.objects.count() == 2  # a few are in nobody's way
    for _ in range(11):
        User.objects.filter(pk=cast.viewer.pk).update(last_login=timezone.now())
    page_index.refresh()
    assert not UserMove.objects.exists()


def test_anchors_of_times_are_rebuilt_sooner(many, monkeypatch):
    monkeypatch.setattr(page_index, "MAX_DELTAS", 20)
    for number in range(6):
        User.objects.filter(username="many-14").update(first_name=f"A{number}", last_login=timezone.now())
    moves = UserMove.objects.values_list("sort")
    page_index.refresh()
    assert dict(moves.annotate(n=Count("pk"))) == {"first_name": 12}


def test_many_at_once_take_the_signposts_down(many, monkeypatch):
    assert UserSignpost.objects.exists()
    User.objects.bulk_create(
        User(username=f"bulk-{n}", email=f"bulk-{n}@lab.example") for n in range(MAX_TRACKED_ROWS + 1)
    )
    assert not UserSignpost.objects.exists()
    assert page_index.users_at(User.objects.existing(), "id", 100, 5) is None
    page_index.refresh()
    assert pages("id", size=100) == scan("id")[12:]


def test_the_list_goes_there_by_signposts(many, super_admin):
    for sort in ("", "-last_login"):
        with CaptureQueriesContext(connection) as queries:
            body = super_admin.get(f"/api/users?per_page=5&page=20&sort={sort}").json()
        assert [user["id"] for user in body["users"]] == scan(sort or "id")[95:100]
        assert ["user_signposts" in query["sql"] for query in queries if "OFFSET" in query["sql"]] == [True]


def test_what_is_far_from_its_signpost_is_read_again_once(many, monkeypatch):
    """Each of the forty who came to the end of the list could have come to a place before the one that is asked for."""
    monkeypatch.setattr(page_index, "MIN_SCAN_ROWS", 8)
    process_cache.clear()
    for user in User.objects.filter(username__startswith="many-").order_by("id")[:40]:
        User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    expected, statements = scan("last_login"), []
    for first in (60, 60):
        with CaptureQueriesContext(connection) as queries:
            page = page_index.users_at(User.objects.existing(), "last_login", first, 5)
        assert [user.pk for user in page] == expected[first : first + 5]
        statements.append(sum("user_signposts" in query["sql"] for query in queries))
    assert statements == [2, 1]
    monkeypatch.setattr(page_index, "MAX_SCAN_ROWS", 8)
    assert page_index.users_at(User.objects.existing(), "last_login", 60, 5) is None


@pytest.mark.django_db(transaction=True)
def test_signposts_can_be_put_up_while_users_change(cast, short_ways):
    make_many_users(60)

    def work(number):
        chance = Random(number)
        try:
            for _ in range(15):
                # Changes of several rows may lock them in different orders; PostgreSQL then undoes one of them.
                with suppress(OperationalError):
                    change(chance) if number else page_index.rebuild("first_name")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    page_index.refresh()
    for sort in ("first_name", "-first_name", "id"):
        assert pages(sort) == scan(sort)[12:], sort


def test_an_erased_person_is_not_named_by_them(many):
    someone = User.objects.get(username="many-14")
    User.objects.filter(pk=someone.pk).update(first_name="Quintilla")
    erase_personal_data(actor=SYSTEM, user_id=someone.pk)
    for model in (UserSignpost, UserMove):
        keys = model.objects.filter(user_id=someone.pk).values_list("key", flat=True)
        assert not [key for key in keys if key and ("many-14" in key or "quintilla" in key)]
    assert pages("id", scanned=100) == scan("id")[12:]


@pytest.mark.parametrize("sort", ["last_login", "-last_login"])
def test_those_without_a_value_are_read_in_an_index_and_not_looked_for(db, sort):
    with transaction.atomic(), connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort"):  # which a planner prefers for as few as there are here
            cursor.execute(f"SET LOCAL enable_{way} = off")
        statement = page_index.page_statement(sort, 256, 10, "SELECT user_id FROM page")
        cursor.execute(f"PREPARE page (bigint) AS {statement}")
        cursor.execute("EXPLAIN EXECUTE page (1)")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE page")
    assert "Index Cond: ((last_login IS NULL)" in plan, plan
