"""Pages show, offer and keep the permissions that applications bring, by application."""

import re

import pytest

from accounts.access.authorization import SYSTEM
from accounts.models import ApiKey, Role, User
from accounts.roles.services import create_role, update_role
from accounts.users.services import update_user
from reprotech.testing.client import page_client
from sso.applications.own_permissions import register_permissions
from sso.tests.support.sign_ins import make_application

pytestmark = pytest.mark.django_db
START, STOP = "hplc.run_start", "hplc.run_stop"


def register(application, *actions):
    entries = [
        {"resource": "run", "action": action, "description": f"{action.capitalize()} runs"} for action in actions
    ]
    register_permissions(actor=SYSTEM, application_id=application.pk, permissions=entries)


@pytest.fixture
def hplc(cast):
    application = make_application("HPLC control", "researcher", slug="hplc")
    register(application, "start", "stop")
    return application


@pytest.fixture
def operator(hplc):
    role = create_role(actor=SYSTEM, name="Operator", permissions=["report_read", START])
    return Role.objects.get(pk=role.pk)


def text_of(response, status=200):
    assert response.status_code == status, response.content
    return response.content.decode()


def box(page, name):
    """The checkbox of a permission, "" if there is none."""
    found = re.search(rf'<input[^>]*value="{re.escape(name)}"[^>]*>', page)
    return found[0] if found else ""


def test_a_roles_page_shows_what_it_holds_of_applications_and_which_it_opens(cast, operator):
    browser = page_client(cast.super_admin)
    page = text_of(browser.get(f"/roles/{operator.pk}"))
    assert "2 of 41" in page
    assert "HPLC control" in page
    assert re.search(r'class="held">.*?Start runs', page, re.DOTALL)
    assert re.search(r'class="not-held">.*?Stop runs', page, re.DOTALL)
    assert "Applications that it opens" not in page
    researcher = Role.objects.get(slug="researcher")
    page = text_of(browser.get(f"/roles/{researcher.pk}"))
    assert "Applications that it opens" in page


def test_saving_a_role_keeps_its_permissions_of_applications_and_gives_more(cast, operator):
    browser = page_client(cast.super_admin)
    path = f"/roles/{operator.pk}/edit"
    page = text_of(browser.get(path))
    assert "checked" in box(page, START)
    assert "checked" not in box(page, STOP)
    body = {"name": "Operator", "description": "Runs the HPLC", "permissions": ["report_read", START, STOP]}
    assert f'title="Stop runs">{STOP}' in re.sub(r"\s+title", " title", text_of(browser.post(f"{path}/review", body)))
    assert browser.post(path, body).status_code == 302
    assert Role.objects.get(pk=operator.pk).permission_names == ["report_read", START, STOP]
    assert browser.post(path, {**body, "permissions": [START]}).status_code == 302
    assert Role.objects.get(pk=operator.pk).permission_names == [START]


def test_what_one_does_not_hold_is_offered_to_nobody(cast, operator):
    page = text_of(page_client(cast.admin).get("/roles/new"))
    assert "disabled" in box(page, START)
    refused = page_client(cast.admin).post("/roles/new", {"name": "New", "permissions": [START]})
    assert refused.status_code == 422
    assert not Role.objects.filter(name="New").exists()


def test_a_retired_one_is_shown_to_who_holds_it_alone(cast, hplc, operator):
    register(hplc, "stop")
    browser = page_client(cast.super_admin)
    page = text_of(browser.get(f"/roles/{operator.pk}/edit"))
    assert "checked" in box(page, START)
    assert "Retired" in page
    assert box(text_of(browser.get("/roles/new")), START) == ""
    refused = text_of(browser.post("/roles/new", {"name": "New", "permissions": [START]}), 422)
    assert "is retired" in refused
    copied = text_of(browser.get(f"/roles/{operator.pk}/clone"))
    assert box(copied, START) == "" or "checked" not in box(copied, START)


def test_the_grid_and_the_page_of_one_name_them_by_application(cast, operator):
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["Operator"])
    browser = page_client(cast.manager)
    grid = text_of(browser.get("/permissions"))
    assert "41 permissions" in grid
    assert "<span>HPLC control</span>" in grid
    assert START in text_of(browser.get("/permissions?search=hplc"))
    page = text_of(browser.get(f"/permissions/{START}"))
    assert "Who can start runs?" in page
    assert "the-viewer" in page


def test_a_persons_page_shows_them_under_their_application(cast, operator):
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["Operator"])
    page = text_of(page_client(cast.super_admin).get(f"/users/{cast.viewer.pk}/access"))
    assert "2 of 41 permissions" in page
    assert "HPLC control" in page
    assert "hplc: Run" in page
    own = text_of(page_client(cast.viewer).get("/profile/access"))
    assert "HPLC control" in own


def test_giving_a_role_shows_them_before_it_is_saved(cast, operator):
    path = f"/users/{cast.viewer.pk}/roles"
    preview = text_of(page_client(cast.super_admin).post(f"{path}/review", {"roles": ["viewer", "operator"]}))
    assert f"Gains 1 permission: {START}" in re.sub(r"\s+", " ", preview)
    form = text_of(page_client(cast.super_admin).get("/users/new/permissions?roles=operator"))
    assert "hplc: Run" in form


def test_a_key_is_limited_to_them(cast, operator):
    update_role(actor=SYSTEM, role_id=Role.objects.get(slug="viewer").pk, permissions=["report_read", START])
    browser = page_client(cast.viewer)
    page = text_of(browser.get("/profile/keys/new"))
    assert box(page, START)
    assert box(page, STOP) == ""
    made = browser.post("/profile/keys/new", {"name": "HPLC", "expires_in_days": "30", "scopes": [START]})
    assert made.status_code == 200
    assert ApiKey.objects.get().scopes == [START]


def test_a_role_that_opens_an_application_is_deleted_only_for_another(cast, hplc, operator):
    hplc.roles.set([operator])
    browser = page_client(cast.super_admin)
    path = f"/roles/{operator.pk}/delete"
    assert "It opens HPLC control" in re.sub(r"\s+", " ", text_of(browser.get(path)))
    text_of(browser.post(path, {}), 422)
    assert browser.post(path, {"reassign_to": "viewer"}).status_code == 302
    assert [role.slug for role in hplc.roles.all()] == ["viewer"]
    assert User.objects.exists()
