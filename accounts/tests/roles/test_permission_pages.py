"""Who can do what: all permissions by role, and from a permission to its roles and users."""

import re

import pytest

from accounts.access.authorization import SYSTEM
from accounts.core.catalogue import PERMISSION_NAMES
from accounts.roles.services import create_role
from accounts.users.services import lock_user
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client


@pytest.fixture
def browser(cast):
    return page_client(cast.admin)


def text_of(response):
    return response.content.decode()


def test_every_permission_is_listed_and_linked(browser):
    page = text_of(browser.get("/permissions"))
    assert [name for name in PERMISSION_NAMES if f'href="/permissions/{name}"' not in page] == []


def test_the_sidebar_leads_there_only_for_who_may(cast, browser):
    assert 'href="/permissions"' in text_of(browser.get("/profile"))
    assert 'href="/permissions"' not in text_of(page_client(cast.viewer).get("/profile"))


def test_a_permission_names_its_roles_and_the_users_who_have_it_through_them(cast, browser):
    page = text_of(browser.get("/permissions/settings_update"))
    assert "Who can update settings?" in page
    assert "Super Administrator" in page
    assert "the-super_admin" in page
    assert f'href="/users/{cast.admin.pk}"' not in page
    assert "<p>1</p>" in page[page.index('id="holders"') :]


def test_only_roles_that_give_it_are_named_with_a_user(cast, browser):
    make_user("two-hats", "viewer", "veterinarian")
    page = text_of(browser.get("/permissions/animal_delete?search=two-hats"))
    users = page[page.index('id="holders"') :]
    assert "Veterinarian" in users
    assert "Viewer" not in users


def test_a_user_with_two_roles_that_give_it_is_listed_once(cast, browser):
    make_user("two-hats", "viewer", "veterinarian")
    page = text_of(browser.get("/permissions/animal_read?search=two-hats"))
    assert page.count(">two-hats</a>") == 1
    assert "<p>1</p>" in page[page.index('id="holders"') :]


def test_a_locked_user_is_marked(cast, browser):
    lock_user(actor=SYSTEM, user_id=cast.veterinarian.pk)
    assert "Locked" in text_of(browser.get("/permissions/animal_delete"))


def test_nobody_is_an_answer_too(cast, browser):
    assert "Nobody found." in text_of(browser.get("/permissions/animal_read?search=no-such-user"))


def test_users_are_hidden_from_who_may_not_read_them(cast):
    create_role(actor=SYSTEM, name="Auditor of roles", permissions=["role_read"])
    page = text_of(page_client(make_user("roles-only", "Auditor of roles")).get("/permissions/animal_read"))
    assert "the-viewer" not in page
    assert "shown to those who may read users" in page


def test_htmx_gets_the_users_alone_and_a_restored_page_the_whole(browser):
    fragment = text_of(browser.get("/permissions/user_read?page=1", headers={"HX-Request": "true"}))
    assert fragment.lstrip().startswith("<section")
    restored = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in text_of(browser.get("/permissions/user_read", headers=restored))


@pytest.mark.parametrize("query", ["page=0", "page=x", "nonsense=1", "page=1&page=2"])
def test_a_wrong_address_is_explained(browser, query):
    response = browser.get(f"/permissions/user_read?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in text_of(response)


def test_thirty_users_cost_as_many_queries_as_three(browser, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        browser.get("/permissions/animal_read?per_page=100")
    for number in range(30):
        make_user(f"many-{number}", "viewer", "researcher")
    with django_assert_max_num_queries(9):
        browser.get("/permissions/animal_read?per_page=100")


def rows_of(page):
    return re.findall(r"<code>(\w+)</code>", page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=sample+READ", ["sample_read"]),
        ("search=lab+modules+approve", ["lab_test_approve"]),
        ("search=%25", []),
        ("search=%3Cscript%3E", []),
        ("role=admin&role=super_admin&differences=true", ["role_delete", "settings_update"]),
        ("role=admin&role=super_admin&differences=true&search=role", ["role_delete"]),
        ("role=viewer&differences=true", []),
    ],
)
def test_the_grid_is_filtered_by_words_and_differences(browser, query, found):
    response = browser.get(f"/permissions?{query}")
    assert response.status_code == 200
    assert rows_of(text_of(response)) == found
    assert "<script>" not in text_of(response).replace("<script src", "")


def test_the_grid_shows_the_chosen_roles_and_says_which_are_gone(browser):
    page = text_of(browser.get("/permissions?role=viewer&role=no_such&role=manager&search=animal"))
    head = page.partition("<thead>")[2].partition("</thead>")[0]
    assert [name for name in ("Manager", "Viewer", "Researcher") if f">{name}</a>" in head] == ["Manager", "Viewer"]
    assert "There is no role no_such any more." in page
    assert 'href="/permissions?search=animal&amp;role=manager"' in page  # without Viewer
    assert "Leave out Viewer" in page


def test_a_tick_leads_to_those_who_have_the_permission_through_the_role(cast, browser):
    make_user("two-hats", "viewer", "veterinarian")
    page = text_of(browser.get("/permissions"))
    assert 'href="/permissions/animal_read?role=viewer"' in page
    assert 'href="/permissions/animal_delete?role=viewer"' not in page
    users = text_of(browser.get("/permissions/animal_read?role=viewer"))
    assert "Via role: Viewer" in users
    assert "the-viewer" in users
    assert "two-hats" in users
    assert "the-veterinarian" not in users
    assert "Nobody found." in text_of(browser.get("/permissions/animal_read?role=no_such"))


def test_htmx_gets_the_grid_alone(browser):
    fragment = text_of(browser.get("/permissions?search=user", headers={"HX-Request": "true"}))
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment


@pytest.mark.parametrize("query", ["search=x&search=y", "differences=no", "nonsense=1", f"search={'x' * 201}"])
def test_a_wrong_search_of_the_grid_is_explained(browser, query):
    response = browser.get(f"/permissions?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in text_of(response)


def test_the_grid_costs_as_many_queries_for_forty_roles_as_for_seven(browser, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        browser.get("/permissions")
    for number in range(33):
        create_role(actor=SYSTEM, name=f"Role {number}", permissions=["animal_read"])
    with django_assert_max_num_queries(6):
        page = text_of(browser.get("/permissions"))
    assert page.count("/permissions/animal_read?role=role_") == 33
