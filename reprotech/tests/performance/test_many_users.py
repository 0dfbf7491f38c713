"""The list of users at 100,000 users: the same queries as at a handful, and none that reads or sorts them all.

Counting how many there are still does, as do pages far from the first.
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.user_list.filters import UserPageFilter
from reprotech.testing.cast import indexed_afterwards, make_many_users
from reprotech.testing.client import page_client
from reprotech.tests.support.query_plans import costly_steps, selects

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db, pytest.mark.usefixtures("swept")]

MANY = 100_000
#: More rows than a page has, by far, and fewer than match.
FEW = 2_000
SORTS = [f"sort={sign}{name}" for name in UserPageFilter.sorts for sign in ("", "-")]
PAGES = [
    "",
    "page=3",
    "search=many-777",
    "search=MANY-1234",
    "search=nobody-of-this-name",
    "search=qx",
    "role=viewer",
    "role=manager",
]
PAGES += [*(f"status={status}" for status in ("active", "inactive", "locked")), "role=manager&status=active", *SORTS]
#: Few are: an index of a sort would be scanned for them from end to end.
PAGES += [f"{rare}&sort={sort}" for rare in ("status=locked", "factor=yes") for sort in ("username", "-last_login")]
PAGES += ["status=must_change_password", "status=invited", "status=invitation_expired", "factor=yes", "factor=no"]
PAGES += ["attention=key_ending", "attention=no_factor", "attention=access_ending"]
#: Texts for the palette that match all, many, few and none.
SEARCHES = ["m", "%", "many", "many-777", "MANY-1234", "lab.example", "lock many-999", "nobody-of-this-name", "a b c"]


def is_count(query):
    return re.match(r"SELECT COUNT\(", query) is not None


def check_that_no_search_walks_the_list(browser):
    """PostgreSQL knows a hundred of the texts. It may read the whole table once, but not by way of a sort's index."""
    with CaptureQueriesContext(connection) as captured:
        for sort in ("", "-username", "created_at"):
            # More than a hundredth of all, and far from the first ones.
            assert browser.get("/users", {"search": "many-99", "sort": sort}).status_code == 200
    searches = [query["sql"] for query in captured if "LIKE" in query["sql"] and not is_count(query["sql"])]
    assert len(searches) == 3
    assert [step for query in searches for step in costly_steps(query, FEW) if step.startswith("Index")] == []


def check_that_the_palette_reads_little(browser):
    for text in SEARCHES:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/search", {"q": text}, HTTP_ACCEPT="application/json").status_code == 200
        assert [step for query in selects(captured) for step in costly_steps(query, FEW)] == [], text


def test_no_page_reads_or_sorts_all_users_nor_asks_more_than_at_a_handful_nor_walks_the_list_to_search(cast):
    browser = page_client(cast.super_admin)
    few, many, costly = {}, {}, {}
    for path in PAGES:
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"/users?{path}")
        few[path] = len(captured)
    with indexed_afterwards("users", "user_roles"):
        make_many_users(MANY)
    browser = page_client(cast.super_admin)  # after a minute, the first page would note that the old session is used
    for path in PAGES:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"/users?{path}").status_code == 200
        queries = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
        many[path] = len(captured)
        found = [step for query in queries if not is_count(query) for step in costly_steps(query, FEW)]
        if found:
            costly[path] = found
    assert costly == {}, "\n".join(f"{path}: {step}" for path, steps in costly.items() for step in steps)
    # An empty list needs no rows and no roles of them.
    assert {path: (few[path], many[path]) for path in PAGES if many[path] > max(few[path], few[""])} == {}
    # In the same test, as to make so many users takes longest.
    check_that_no_search_walks_the_list(browser)
    check_that_the_palette_reads_little(browser)


def test_the_measure_would_notice(cast):
    make_many_users(2 * FEW)
    assert costly_steps("SELECT * FROM users ORDER BY password_hash LIMIT 25", FEW)
