"""Numbers of users that PostgreSQL keeps are those that counting gives, whatever is done; other lists count so far."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Role, User, UserCount
from accounts.user_list import counters as user_list_counters
from reprotech.core.process_cache import process_cache
from reprotech.testing.client import page_client
from reprotech.web import estimated_counts

pytestmark = pytest.mark.only_on("postgresql")


def counted():
    """What counting gives."""
    users = User.objects
    role_counts = Role.objects.annotate(n=Count("user_grants", filter=Q(user_grants__user__deleted_at__isnull=True)))
    return {
        "existing": users.existing().count(),
        "active": users.active().count(),
        "inactive": users.inactive().count(),
        "locked": users.locked().count(),
        "service": users.existing().services().count(),
        "invited": users.invited().count(),
        "must_change_password": users.must_change_password().count(),
        "with_factor": users.with_factor().count(),
        **{user_list_counters.role_counter(role.pk): role.n for role in role_counts},
    }


def is_right():
    found = counted()
    return user_list_counters.read_counters(found) == found


def make_user(number, **fields):
    return User(username=f"count-{number}", email=f"count-{number}@lab.example", password="!", **fields)


COLUMNS = {
    "is_active": st.booleans(),
    "is_service": st.booleans(),
    "locked_at": st.sampled_from([None, "2026-01-01T00:00Z"]),
    "deleted_at": st.sampled_from([None, "2026-01-02T00:00Z"]),
    "last_login": st.sampled_from([None, "2026-01-03T00:00Z"]),
    "password": st.sampled_from(["!", "bcrypt_sha256$"]),
    "must_change_password": st.booleans(),
    "factor_kinds": st.sampled_from(["", "totp", "totp passkey"]),
}
STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 3)),
    st.tuples(st.just("change"), st.sampled_from(sorted(COLUMNS)).flatmap(lambda n: st.tuples(st.just(n), COLUMNS[n]))),
    st.tuples(st.just("grant"), st.integers(0, 6)),
    st.tuples(st.just("revoke"), st.integers(0, 6)),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("undo"), st.integers(1, 3)),
    st.tuples(st.just("fold"), st.none()),
)


@pytest.mark.usefixtures("cast")
class TestHistories(TestCase):
    @given(st.lists(STEPS, max_size=12))
    @settings(max_examples=40, deadline=None)
    def test_any_history(self, steps):
        number = 0
        roles = list(Role.objects.all())
        for step, value in steps:
            users = User.objects.filter(username__startswith="count-")
            if step in {"add", "undo"}:
                with transaction.atomic():
                    User.objects.bulk_create(make_user(number + extra) for extra in range(value))
                    transaction.set_rollback(step == "undo")
                number += value
            elif step == "change":
                users.filter(pk__in=users.order_by("?")[:2]).update(**dict([value]))
            elif step in {"grant", "revoke"} and users:
                existing = users.existing().first()
                if existing:
                    (existing.roles.add if step == "grant" else existing.roles.remove)(roles[value])
            elif step == "remove":
                for user in users[:value]:
                    user.delete()
            elif step == "fold":
                user_list_counters.MAX_ROWS, kept = 0, user_list_counters.MAX_ROWS
                user_list_counters.compact()
                user_list_counters.MAX_ROWS = kept
            # Deleting an account takes its roles, which these steps leave to the service.
            for user in User.objects.filter(deleted_at__isnull=False):
                user.roles.clear()
            assert is_right(), (step, value)


@pytest.mark.django_db(transaction=True)
def test_changes_and_folding_at_once_lose_nothing(cast, monkeypatch):
    monkeypatch.setattr(user_list_counters, "MAX_ROWS", 0)

    def work(number):
        try:
            for step in range(10):
                user = make_user(f"{number}-{step}")
                user.save()
                user.roles.set([Role.objects.get(slug="viewer")])
                User.objects.filter(pk=user.pk).update(is_active=False)
                user_list_counters.compact()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert is_right()
    assert user_list_counters.read_counter("inactive") == 60
    user_list_counters.compact()
    assert UserCount.objects.count() == UserCount.objects.values("name").distinct().count()


def test_a_few_rows_are_left_alone(cast):
    before = set(UserCount.objects.values_list("pk", flat=True))
    user_list_counters.compact()
    assert set(UserCount.objects.values_list("pk", flat=True)) == before


@pytest.mark.parametrize(
    "query", ["", "status=active", "status=inactive", "status=locked", "kind=person", "kind=service", "role=viewer"]
)
def test_lists_of_one_filter_count_nothing(super_admin, query):
    with connection.execute_wrapper(refuse_counting):
        total = super_admin.get(f"/api/users?{query}&per_page=1").json()["total"]
    assert total == len(super_admin.get(f"/api/users?{query}&per_page=100").json()["users"])


def refuse_counting(execute, sql, params, many, context):
    assert "COUNT(" not in sql, sql
    return execute(sql, params, many, context)


def test_an_unknown_role_has_nobody(super_admin):
    assert super_admin.get("/api/users?role=nobody").json()["total"] == 0


class TestManyRows:
    """More rows than are counted."""

    @pytest.fixture(autouse=True)
    def few_are_counted(self, monkeypatch, cast):
        monkeypatch.setattr(estimated_counts, "MAX_COUNTED", 4)

    def page(self, caller, number):
        body = caller.get(f"/api/users?search=lab.example&per_page=2&page={number}").json()
        return len(body["users"]), body["total"], body["pages"], body.get("total_is_exact", True)

    def test_who_turns_pages_comes_to_the_end(self, super_admin):
        whole = User.objects.existing().search("lab.example").count()
        assert whole == 8
        assert [self.page(super_admin, number) for number in range(1, 6)] == [
            (2, 4, 2, False),
            (2, 5, 3, False),
            (2, 7, 4, False),
            (2, 8, 4, True),
            (0, 8, 4, True),
        ]

    def test_that_there_are_more_is_remembered_for_a_while(self, super_admin, monkeypatch):
        assert self.page(super_admin, 1) == (2, 4, 2, False)
        with connection.execute_wrapper(refuse_counting):
            assert self.page(super_admin, 1) == (2, 4, 2, False)
            assert self.page(super_admin, 4) == (2, 8, 4, True)
        for user in User.objects.existing().order_by("-pk")[:5]:
            User.objects.filter(pk=user.pk).update(search_text="nothing")
        process_cache.clear()
        assert self.page(super_admin, 1) == (2, 3, 2, True)

    def test_but_not_for_ever(self, super_admin, monkeypatch):
        monkeypatch.setattr(estimated_counts, "LARGE_RESULT_SECONDS", 0)
        assert self.page(super_admin, 1) == (2, 4, 2, False)
        with CaptureQueriesContext(connection) as queries:
            self.page(super_admin, 1)
        assert any("COUNT(" in query["sql"].upper() for query in queries)

    def test_the_page_says_that_there_are_more(self, cast):
        page = page_client(cast.super_admin).get("/users?search=lab.example&per_page=2").content.decode()
        assert "4+ users" in page
        assert "2 of 4+" in page
