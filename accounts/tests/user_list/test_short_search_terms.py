"""Searches by one or two letters find whom longer ones would, on both databases; PostgreSQL has an index for them."""

from itertools import pairwise

import pytest
from django.db import connection, transaction

from accounts.models import User
from accounts.models.querysets import MAX_INDEXED_SHARE, expected_share
from accounts.models.users import build_search_text
from reprotech.testing.cast import make_many_users, pages_waiting

pytestmark = pytest.mark.django_db
NAMES = ["Anna Berg", "王 伟", "O'Neil Łuk", "Ünal Ößmann", "a b", "x%_y \\z", "🔬 Lab", "", "e"]


@pytest.fixture
def people(cast):
    users = list(User.objects.order_by("id"))[: len(NAMES)]
    for user, name in zip(users, NAMES, strict=False):
        first, _, last = name.partition(" ")
        user.first_name, user.last_name = first, last
        user.save()
    return list(User.objects.existing())


def found(term, **how):
    return set(User.objects.existing().search(term, **how).values_list("pk", flat=True))


@pytest.mark.parametrize("is_frequent", [False, True])
def test_every_character_and_every_two_find_who_has_them(people, is_frequent):
    texts = {person.pk: person.search_text for person in people}
    letters = {letter for text in texts.values() for letter in text}
    letters |= {first + second for text in texts.values() for first, second in pairwise(text)}
    # A blank at either end is no part of a search.
    for term in sorted(letters | {"qx", "q", "éé"}):
        if term == term.strip():
            expected = {key for key, text in texts.items() if term in text}
            assert found(term, is_frequent=is_frequent) == expected, term
    assert found(" AN  ", is_frequent=is_frequent) == found("an") != set()


def test_chinese_names_are_found(people):
    (person,) = (person for person in people if person.first_name == "王")
    assert found("王") == found("伟") == {person.pk}
    User.objects.filter(pk=person.pk).update(search_text=build_search_text("w-w", "w@lab.example", "王伟"))
    assert found("王伟") == {person.pk}
    assert found("伟王") == set()


@pytest.mark.only_on("postgresql")
def test_few_are_found_by_the_index_and_many_without(cast):
    make_many_users(3_000)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET search_text = search_text || 'zyzzyva' WHERE id % 500 = 0")
        cursor.execute("ANALYZE users")
    assert expected_share("zy") < MAX_INDEXED_SHARE < expected_share("la") <= 1
    assert expected_share("qx") == 0
    for term, is_by_index in (("zy", True), ("qx", True), ("la", False), ("a", False)):
        plan = User.objects.existing().search(term).order_by().values("pk").explain()
        assert ("user_short_search" in plan) == is_by_index, plan
        assert "user_search_letters" not in plan or is_by_index, plan


@pytest.mark.only_on("postgresql")
def test_no_processes_are_started_for_a_short_search(cast):
    make_many_users(100)
    with transaction.atomic(), connection.cursor() as cursor:
        for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            cursor.execute(f"SET LOCAL {setting} = 0")
        plan = User.objects.existing().search("zy").order_by().values("pk").explain()
    assert "user_search_letters" in plan
    assert "Gather" not in plan


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("index", ["user_search", "user_short_search"])
def test_few_pages_wait_to_be_sorted_into_an_index_of_searches(cast, index):
    make_many_users(1_500)
    assert pages_waiting(index) <= 256 / 8
