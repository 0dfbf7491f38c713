"""The pages of who gives roles without holding what they give, and of who says which."""

from html import unescape

import pytest
from django.utils.html import strip_tags

from accounts.models import Role, User
from accounts.roles import services as role_services
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import page_client

HOLDS = ("user_create", "user_read", "user_update", "role_read", "session_revoke")


@pytest.fixture
def people_officer(cast, make_role):
    role = make_role("People Officer", *HOLDS)
    return role_services.update_role(actor=cast.super_admin, role_id=role.pk, may_grant=["lab_technician"])


@pytest.fixture
def browser(people_officer):
    return page_client(make_user("the-officer", "People Officer"))


def text_of(response):
    return " ".join(unescape(strip_tags(response.content.decode())).split())


def slugs(user):
    return {role.slug for role in User.objects.get(pk=user.pk).roles.all()}


def role(slug):
    return Role.objects.get(slug=slug)


def test_a_super_administrator_chooses_the_roles_and_the_pages_say_so(cast, people_officer):
    top, path = page_client(cast.super_admin), f"/roles/{people_officer.pk}"
    form = text_of(top.get(f"{path}/edit"))
    assert "May also give People with this role may give these to others" in form
    typed = {"name": "People Officer", "permissions": HOLDS}
    reviewed = top.post(f"{path}/edit/review", {**typed, "may_grant": ["viewer"]})
    assert "The roles that its holders may give change." in text_of(reviewed)
    assert top.post(f"{path}/edit", {**typed, "may_grant": ["viewer", "researcher"]}).status_code == 302
    assert "People with this role may also give: Researcher, Viewer." in text_of(top.get(path))
    assert "Can also be given by people with the role People Officer." in text_of(
        top.get(f"/roles/{role('viewer').pk}")
    )
    assert top.post(f"{path}/edit", {**typed, "may_grant": ["super_admin"]}).status_code == 422
    # Of a role that others may give, and of Super Administrator, there is nothing to choose.
    for slug in ("viewer", "super_admin"):
        assert 'name="may_grant"' not in top.get(f"/roles/{role(slug).pk}/edit").content.decode()


def test_an_administrator_neither_sees_nor_loses_the_choice(cast, people_officer):
    browser, path = page_client(cast.admin), f"/roles/{people_officer.pk}/edit"
    assert 'name="may_grant"' not in browser.get(path).content.decode()
    typed = {"name": "People Officer", "description": "Looks after people", "permissions": HOLDS}
    assert browser.post(path, {**typed, "may_grant": ["viewer"]}).status_code == 302
    people_officer.refresh_from_db()
    assert (people_officer.description, people_officer.may_grant_names) == (
        "Looks after people",
        ["Laboratory Technician"],
    )


def test_the_form_of_a_new_user_offers_the_role_with_an_invitation(browser, settings):
    settings.ADMIN_SETS_PASSWORDS = True
    shown = text_of(browser.get("/users/new?role=lab_technician"))
    assert "Given through People Officer." in shown
    assert "people choose their password by the invitation" in shown
    typed = {"username": "new-one", "email": "new-one@lab.example", "roles": ["lab_technician"]}
    refused = browser.post("/users/new", {**typed, "access": "password", "password": PASSWORD})
    assert refused.status_code == 422
    assert "You don't hold what Laboratory Technician gives" in text_of(refused)
    assert browser.post("/users/new", {**typed, "access": "invite"}).status_code == 302
    person = User.objects.get(username="new-one")
    assert slugs(person) == {"lab_technician"}
    page = browser.get(f"/users/{person.pk}").content.decode()
    assert f"/users/{person.pk}/invitation?" in page
    assert f"/users/{person.pk}/invitation/link" not in page
    assert browser.post(f"/users/{person.pk}/invitation").status_code == 302


def test_the_tab_for_access_changes_those_roles_alone(cast, browser):
    path = f"/users/{cast.manager.pk}"
    shown = text_of(browser.get(f"{path}/access"))
    assert "give and take the roles that are given through one of yours" in shown
    assert "You can't change it here: this account holds more than you do." in shown
    reviewed = browser.post(f"{path}/roles/review", {"roles": ["lab_technician"]})
    assert "Assigns Laboratory Technician." in text_of(reviewed)
    assert "Removes" not in text_of(reviewed).partition("Save roles")[0].rpartition("Assigns")[2]
    # The browser sends only the boxes that can be ticked.
    assert browser.post(f"{path}/roles", {"roles": ["lab_technician"]}).status_code == 302
    assert slugs(cast.manager) == {"manager", "lab_technician"}
    assert browser.post(f"{path}/roles", {"roles": []}).status_code == 302
    assert slugs(cast.manager) == {"manager"}
    browser.post(f"{path}/roles", {"roles": ["viewer"]})
    assert slugs(cast.manager) == {"manager"}


def test_the_page_of_the_role_adds_and_removes_people(cast, browser):
    technician = role("lab_technician")
    path = f"/roles/{technician.pk}"
    assert "You may give this role to other people, and take it" in text_of(browser.get(path))
    assert f"/users/{cast.manager.pk}" not in browser.get(path).content.decode()
    added = browser.get(f"{path}/users/add")
    assert f'value="{cast.manager.pk}"' in added.content.decode()
    assert f'value="{cast.super_admin.pk}"' not in added.content.decode()
    browser.post(f"{path}/users/add", {"user": [cast.manager.pk]})
    assert slugs(cast.manager) == {"manager", "lab_technician"}
    shown = browser.get(path).content.decode()
    assert f"{path}/users/{cast.manager.pk}/remove" in shown
    assert f"/users/{cast.manager.pk}/edit" not in shown
    browser.post(f"{path}/users/{cast.manager.pk}/remove")
    assert slugs(cast.manager) == {"manager"}
    # Of a role that they may not give there is no such button.
    viewer = role("viewer").pk
    assert "users/add" not in browser.get(f"/roles/{viewer}").content.decode()


def test_selected_users_and_the_palette_follow(cast, browser):
    people = {"user": [cast.stranger.pk, cast.manager.pk], "role": "lab_technician"}
    asked = text_of(browser.get("/users/selected/assign-role", {"user": people["user"]}))
    assert "Will be refused" not in asked
    browser.post("/users/selected/assign-role", people)
    assert "lab_technician" in slugs(cast.stranger) & slugs(cast.manager)
    answer = browser.get("/search?q=assign+laboratory+technician+to+viewer", headers={"accept": "application/json"})
    assert f"/users/{cast.viewer.pk}/roles?assign=lab_technician" in str(answer.json())
    answer = browser.get("/search?q=assign+viewer+to+stranger", headers={"accept": "application/json"})
    assert "assign=viewer" not in str(answer.json())


def test_django_admin_has_the_field(cast, django_admin, people_officer):
    assert "May also give" in str(django_admin.get(f"accounts/role/{people_officer.pk}/change/").content)
