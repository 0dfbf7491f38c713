"""Filters of the list of users are saved under a name, by each person for themselves."""

import pytest

from accounts.models import Role
from accounts.user_list.saved_views import USERS
from audit.models import SavedFilter
from audit.saved_filters import MAX_SAVED_FILTERS
from reprotech.testing.client import page_client


@pytest.fixture
def browser(cast):
    return page_client(cast.admin)


def save(browser, name="Locked viewers", query="role=viewer&status=locked&sort=-last_login"):
    return browser.post("/users/views", {"name": name, "query": query, "next": "/users?role=viewer"})


def text_of(response):
    return response.content.decode()


def test_a_saved_view_leads_back_to_its_filters_and_order_and_is_removed(browser):
    address = "/users?role=viewer&status=locked&sort=-last_login"
    assert save(browser)["Location"] == address
    page = text_of(browser.get(address))
    assert "View Locked viewers saved." in page
    assert 'aria-current="page">Locked viewers</a>' in page
    browser.post(f"/users/views/{SavedFilter.objects.get().pk}/delete")
    page = text_of(browser.get("/users"))
    assert "View removed. The users stay." in page
    assert "Locked viewers" not in page


def test_the_page_number_is_no_part_of_a_view(browser):
    save(browser, query="role=viewer&page=3&per_page=50")
    assert SavedFilter.objects.get().query == "role=viewer"


def test_views_are_each_persons_and_each_lists_own(cast, browser):
    save(browser)
    kept = SavedFilter.objects.get()
    other = page_client(cast.super_admin)
    assert "Locked viewers" not in text_of(other.get("/users"))
    browser.get("/users")  # shows the message
    assert "Locked viewers" not in text_of(browser.get("/audit"))
    other.post(f"/users/views/{kept.pk}/delete")
    browser.post(f"/audit/saved/{kept.pk}/delete")
    assert SavedFilter.objects.filter(pk=kept.pk, list_name=USERS.name).exists()
    # One name for two lists' views would be hard to tell apart.
    assert "of this list or another" in text_of(
        browser.post("/audit/saved", {"name": kept.name, "query": "action=login"})
    )
    assert browser.post("/audit/saved", {"name": "Sign-ins", "query": "action=login"}).status_code == 302
    assert SavedFilter.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "query", "sentence"),
    [
        ("", "role=viewer", "Give it a name."),
        ("n" * 51, "role=viewer", "at most 50"),
        ("a\u202eb", "role=viewer", "ordinary characters"),
        ("locked VIEWERS", "role=viewer", "already"),
        ("Other", "nonsense=1", "can&#x27;t be saved"),
        ("Other", "status=asleep", "can&#x27;t be saved"),
    ],
)
def test_what_can_not_be_saved_says_why_and_leads_back(browser, name, query, sentence):
    save(browser)
    assert save(browser, name, query)["Location"] == "/users?role=viewer"
    assert sentence in text_of(browser.get("/users"))
    assert SavedFilter.objects.count() == 1


def test_there_is_an_end_to_saving(cast, browser):
    SavedFilter.objects.bulk_create(
        SavedFilter(user_id=cast.admin.pk, list_name=USERS.name, name=f"View {n}", query="role=viewer")
        for n in range(MAX_SAVED_FILTERS)
    )
    save(browser)
    assert "Remove one first" in text_of(browser.get("/users"))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("role=night_shift&sort=id", "there is no role night_shift any more"),
        ("status=asleep", "its filter no longer exists (status)"),
        ("shoe_size=44", "its filter no longer exists (shoe size)"),
        ("sort=shoe_size", "its filter no longer exists (sort)"),
    ],
)
def test_a_view_whose_filter_is_gone_says_so_and_can_be_removed(cast, browser, query, problem):
    assert not Role.objects.filter(slug="night_shift").exists()
    old = SavedFilter.objects.create(user_id=cast.admin.pk, list_name=USERS.name, name="Old & odd", query=query)
    page = text_of(browser.get("/users"))
    assert f"Old &amp; odd: {problem}" in page
    assert f'href="/users?{query}' not in page
    assert "Remove the view Old &amp; odd" in page
    browser.post(f"/users/views/{old.pk}/delete")
    assert not SavedFilter.objects.exists()


def test_views_are_for_those_who_may_see_users(cast):
    assert save(page_client(cast.viewer)).status_code == 403
