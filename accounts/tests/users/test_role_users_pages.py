"""Users are added to a role and removed from it on the role's page, without JavaScript too."""

import re

import pytest

from accounts.access.authorization import SYSTEM
from accounts.models import Role, User
from accounts.roles.services import create_role
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import page_client


@pytest.fixture
def night(cast):
    """A role that nobody has."""
    return create_role(actor=SYSTEM, name="Night shift", permissions=["animal_read", "user_read"])


@pytest.fixture
def browser(cast):
    """The Administrator's, who lacks `role_delete` and `settings_update`."""
    return page_client(cast.admin)


def text_of(response):
    return " ".join(response.content.decode().split())


def offered(page):
    return re.findall(r'name="user" value="(\d+)" (checked)?', page)


def add(role):
    return f"/roles/{role.pk}/users/add"


def holders(role):
    return set(User.objects.in_role(role.pk).values_list("username", flat=True))


def test_an_empty_role_offers_to_add_users(browser, night):
    page = text_of(browser.get(f"/roles/{night.pk}"))
    assert "Nobody has this role yet." in page
    assert f'href="{add(night)}"' in page


def test_several_users_are_added_at_once_each_with_an_event(cast, browser, night):
    people = [make_user(f"sleepless-{number}") for number in range(5)]
    with audit_rows() as rows:
        response = browser.post(add(night), {"user": [person.pk for person in people]}, follow=True)
    assert "Night shift assigned to 5 users." in text_of(response)
    assert 'action="/users/selected/remove-role"' in text_of(response)  # Undo
    assert response.redirect_chain == [(f"/roles/{night.pk}", 302)]
    assert holders(night) == {person.username for person in people}
    assert [(row.action, row.username) for row in rows] == [("role_assign", "the-admin")] * 5


def test_the_page_says_what_each_would_gain_and_who_is_beyond_the_reader(cast, browser, night):
    reader = make_user("reads-users", "manager")
    page = text_of(browser.get(add(night)))
    assert (str(cast.viewer.pk), "") in offered(page)
    assert str(cast.super_admin.pk) not in dict(offered(page))
    assert "holds role_delete, settings_update, which you don't" in page
    assert "Gains 1 permission <" in page
    alone = text_of(browser.get(f"{add(night)}?search=reads-users"))
    assert offered(alone) == [(str(reader.pk), "")]
    assert "Gains no new permissions" in alone


def test_a_search_keeps_those_who_are_ticked(cast, browser, night):
    found = text_of(browser.get(f"{add(night)}?search=the-vet&user={cast.viewer.pk}"))
    assert offered(found) == [(str(cast.viewer.pk), "checked"), (str(cast.veterinarian.pk), "")]
    assert "csrfmiddlewaretoken" not in str(browser.get(f"{add(night)}?search=x").request["QUERY_STRING"])


def test_those_who_have_the_role_are_not_offered(browser, night):
    sleepless = make_user("sleepless", "Night shift")
    assert offered(text_of(browser.get(f"{add(night)}?search=sleepless&user={sleepless.pk}"))) == []


@pytest.mark.parametrize("user", [None, "x", "0", "9" * 30])
def test_nobody_ticked_is_said(browser, night, user):
    response = browser.post(add(night), {"user": user} if user else {"search": "x"})
    assert holders(night) == set()
    if user == "0":  # an id that nobody has
        assert response.status_code == 302
    else:
        assert response.status_code == 422
        assert "Select at least one user." in text_of(response)


@pytest.mark.parametrize("search", ["%", "_", "'", "\u202e", "<b>", "x", "no such user"])
def test_a_strange_search_finds_nobody_or_someone_and_is_escaped(browser, night, search):
    response = browser.get(add(night), {"search": search})
    assert response.status_code == 200
    assert "<b>" not in text_of(response)


def test_a_search_that_is_too_long_is_refused_and_the_ticks_stay_possible(browser, night):
    response = browser.get(add(night), {"search": "x" * 10_000})
    assert response.status_code == 422
    assert "at most 200 characters" in text_of(response)


def test_a_refused_user_is_named_and_the_others_are_added(cast, browser, night):
    sent = {"user": [cast.super_admin.pk, cast.viewer.pk]}
    page = text_of(browser.post(add(night), sent, follow=True))
    assert holders(night) == {"the-viewer"}
    assert "Refused: the-super_admin (it needs the permission role_delete, which you don&#x27;t hold)" in page


def test_a_role_that_gives_more_than_the_reader_holds_is_not_given(cast, browser):
    super_admin = Role.objects.get(slug="super_admin")
    assert "/users/add" not in text_of(browser.get(f"/roles/{super_admin.pk}"))
    assert "it holds more than you do" in text_of(browser.get(add(super_admin)))
    browser.post(add(super_admin), {"user": [cast.viewer.pk]})
    assert "the-viewer" not in holders(super_admin)


def test_who_may_not_read_users_or_roles_is_refused_and_on_record(cast, night):
    for lacking, needed in (("user_read", "role_read"), ("role_read", "user_read")):
        name = f"Changes users without {lacking}"
        create_role(actor=SYSTEM, name=name, permissions=["user_update", needed])
        browser = page_client(make_user(f"no-{lacking}", name))
        for path in (add(night), f"/roles/{night.pk}/users/{cast.viewer.pk}/remove"):
            with audit_rows() as rows:
                assert browser.get(path).status_code == 403
            assert [(row.action, row.details["required"]) for row in rows] == [("access_denied", lacking)]


def test_who_may_not_change_users_is_offered_neither(cast, night):
    make_user("sleepless", "Night shift")
    page = text_of(page_client(cast.manager).get(f"/roles/{night.pk}"))
    assert "/users/add" not in page
    assert "/remove" not in page


def test_the_page_costs_as_many_queries_for_twenty_users_as_for_two(browser, night, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        browser.get(add(night))
    for number in range(30):
        make_user(f"many-{number}", "viewer", "researcher")
    with django_assert_max_num_queries(12):
        page = text_of(browser.get(add(night)))
    assert "The first 20." in page


def test_htmx_gets_the_dialog_alone(browser, night):
    for path in (add(night), f"/roles/{night.pk}/users/{make_user('sleepless', 'Night shift').pk}/remove"):
        fragment = text_of(browser.get(path, headers={"HX-Request": "true"}))
        assert "<html" not in fragment
        assert 'id="dialog-title"' in fragment


def test_removing_a_user_asks_first_and_says_what_they_lose(cast, browser, night):
    sleepless = make_user("sleepless", "Night shift", "viewer")
    path = f"/roles/{night.pk}/users/{sleepless.pk}/remove"
    assert f'href="{path}"' in text_of(browser.get(f"/roles/{night.pk}"))
    asked = text_of(browser.get(path))
    assert "Roles they keep: Viewer." in asked
    assert "They lose 1 permission with their next click" in asked
    assert holders(night) == {"sleepless"}
    with audit_rows() as rows:
        page = text_of(browser.post(path, follow=True))
    assert "Night shift removed from sleepless." in page
    assert holders(night) == set()
    assert [(row.action, row.username) for row in rows] == [("role_revoke", "the-admin")]
    assert "doesn&#x27;t have the role Night shift any more" in text_of(browser.post(path, follow=True))


def test_a_user_beyond_the_reader_is_not_removed(cast, browser, night):
    mighty = make_user("mighty", "super_admin", "Night shift")
    path = f"/roles/{night.pk}/users/{mighty.pk}/remove"
    assert "it holds more than you do" in text_of(browser.get(path))
    response = browser.post(path)
    assert response.status_code == 422
    assert holders(night) == {"mighty"}


def test_a_list_of_usernames_and_addresses_finds_just_these(browser, night):
    people = [make_user(f"listed-{number}") for number in range(25)]
    make_user("listed-1-too")
    names = [people[0].username.upper(), people[1].email.upper(), *(person.username for person in people[2:])]
    page = text_of(browser.get(add(night), {"search": "; ".join([*names, "nobody-here", ""])}))
    assert {int(pk) for pk, _ in offered(page)} == {person.pk for person in people}
    assert "Nobody without this role is called nobody-here." in page


def test_one_name_and_a_comma_is_a_list_too_and_a_long_one_is_cut(browser, night):
    make_user("comma")
    make_user("comma-too")
    assert len(offered(text_of(browser.get(add(night), {"search": "comma,"})))) == 1
    assert browser.get(add(night), {"search": "," * 5000}).status_code == 200
    assert browser.get(add(night), {"search": "é,%,'" * 300}).status_code == 200
    assert browser.get(add(night), {"search": "x," * 6000}).status_code == 422
