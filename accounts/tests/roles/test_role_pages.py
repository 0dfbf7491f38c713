"""The roles' pages: list, role, and the forms to create, clone, change and delete one. All without JavaScript."""

import re

import pytest

from accounts.access.authorization import SYSTEM
from accounts.core.catalogue import PERMISSION_NAMES
from accounts.models import Role
from accounts.roles.services import create_role
from audit.models import AuditLog
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import page_client

HTMX = {"HX-Request": "true"}


@pytest.fixture
def night(cast):
    """A role that nobody has."""
    return create_role(
        actor=SYSTEM, name="Night shift", description="By night", permissions=["animal_read", "user_read"]
    )


@pytest.fixture
def browser(cast):
    """The Super Administrator's."""
    return page_client(cast.super_admin)


@pytest.fixture
def admins_browser(cast):
    """The Administrator's, who lacks `role_delete` and `settings_update`."""
    return page_client(cast.admin)


def text_of(response):
    return response.content.decode()


def main_of(page):
    return page.partition("<main")[2].partition("</main>")[0]


def role(slug):
    return Role.objects.get(slug=slug)


def fields(**changes):
    return {"name": "Night shift", "description": "By night", "permissions": ["animal_read", "user_read"], **changes}


def test_the_list_says_how_many_permissions_and_users_each_role_has(browser, night):
    page = text_of(browser.get("/roles"))
    assert page.count("System\n") + page.count("System<") >= 7
    assert "Custom" in page
    assert 'href="/users?role=viewer"' in page
    assert f'href="/roles/{night.pk}"' in page
    assert "Full system access with all permissions" in page


def test_many_roles_are_searched_by_words_of_their_names_and_descriptions(browser, night):
    assert 'id="id_search"' not in text_of(browser.get("/roles"))
    for number in range(5):
        create_role(actor=SYSTEM, name=f"Role {number}", description="Études", permissions=["animal_read"])
    assert 'id="id_search"' in text_of(browser.get("/roles"))
    expected = {"NIGHT": ["Night shift"], "études 3": ["Role 3"], "full access": ["Super Administrator"], "%": []}
    for search, names in expected.items():
        page = text_of(browser.get("/roles", {"search": search}))
        assert re.findall(r'class="row-link" href="/roles/[0-9]+">([^<]+)<', page) == names, search
    assert "<b>" not in text_of(browser.get("/roles", {"search": "<b>"}))
    fragment = text_of(browser.get("/roles?search=night", headers=HTMX))
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment


def test_the_list_costs_as_many_queries_for_thirty_roles_as_for_seven(browser, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        browser.get("/roles")
    for number in range(23):
        create_role(actor=SYSTEM, name=f"Role {number}", permissions=["animal_read"])
    with django_assert_max_num_queries(7):
        browser.get("/roles")


def test_a_roles_page_tells_what_it_holds_in_words_too(browser, night):
    page = text_of(browser.get(f"/roles/{night.pk}"))
    assert "2 of 39" in page
    assert page.count('<span class="visually-hidden">Yes</span>') == 2
    assert page.count('<span class="visually-hidden">No</span>') == 37
    assert "Nobody has this role yet." in page


def test_a_roles_page_shows_ten_of_its_users_at_a_time_and_links_to_all(browser, night):
    for number in range(12):
        make_user(f"sleepless-{number:02}", "Night shift")
    make_user("sleeps", "viewer")
    path = f"/roles/{night.pk}"

    def shown(query, headers=None):
        return re.findall(r">@(\S+)</span>|title=\"(sleep\S+)\"", text_of(browser.get(path + query, headers=headers)))

    assert len(shown("")) == 10
    assert 'href="/users?role=night_shift"' in text_of(browser.get(path))
    assert len(shown("?page=2")) == 2
    assert len(shown("?per_page=25")) == 12
    assert len(shown("?search=less-03")) == 1
    assert "Nobody with this role matches." in text_of(browser.get(f"{path}?search=sleeps"))
    assert "There is nobody on this page any more." in text_of(browser.get(f"{path}?page=3"))
    fragment = text_of(browser.get(f"{path}?page=2", headers=HTMX))
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment


def test_a_roles_page_costs_the_same_for_ten_users_as_for_two(browser, night, django_assert_max_num_queries):
    make_user("sleepless", "Night shift")
    browser.get(f"/roles/{night.pk}")
    with django_assert_max_num_queries(11):
        browser.get(f"/roles/{night.pk}")
    for number in range(12):
        make_user(f"sleepless-{number:02}", "Night shift")
    with django_assert_max_num_queries(11):
        browser.get(f"/roles/{night.pk}")


def test_users_are_hidden_from_who_may_not_read_them(cast):
    create_role(actor=SYSTEM, name="Auditor of roles", permissions=["role_read"])
    browser = page_client(make_user("roles-only", "Auditor of roles"))
    page = text_of(browser.get(f"/roles/{role('viewer').pk}"))
    assert "You may not see users." in page
    assert "the-viewer@lab.example" not in page


def test_what_a_reader_may_not_do_is_not_offered(cast, night):
    manager, admin = page_client(cast.manager), page_client(cast.admin)
    page = text_of(manager.get(f"/roles/{night.pk}"))
    assert "/edit" not in page
    assert "/clone" not in page
    page = text_of(admin.get(f"/roles/{night.pk}"))
    assert f"/roles/{night.pk}/edit" in page
    assert f"/roles/{night.pk}/delete" not in page
    page = text_of(admin.get(f"/roles/{role('super_admin').pk}"))
    assert "/edit" not in page
    assert "it holds more than you do (role_delete, settings_update)" in page


def test_a_role_is_created(browser, cast):
    with audit_rows() as rows:
        response = browser.post("/roles/new", fields(), follow=True)
    created = role("night_shift")
    assert response.redirect_chain == [(f"/roles/{created.pk}", 302)]
    assert "Role Night shift created." in text_of(response)
    assert created.permission_names == ["user_read", "animal_read"]
    assert [(row.action, row.username) for row in rows] == [("create", "the-super_admin")]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Enter the name."),
        ({"name": "viewer"}, "There is a role of this name already."),
        ({"name": "!!!"}, "Use at least one letter or digit."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"permissions": ["fly"]}, "fly is not one of the available choices"),
    ],
)
def test_wrong_input_comes_back_with_its_reason_and_what_was_typed(browser, changes, sentence):
    with audit_rows() as rows:
        response = browser.post("/roles/new", fields(**changes))
    assert response.status_code == 422
    page = text_of(response)
    assert sentence in page
    assert 'value="By night"' in page
    if "permissions" not in changes:
        assert 'value="animal_read" aria-label="animal: read" checked' in " ".join(page.split())
    assert rows == []


def test_a_reviewed_change_says_what_it_adds_takes_and_touches_and_saves_nothing(browser, night):
    make_user("sleepless", "Night shift")
    with audit_rows() as rows:
        response = browser.post(f"/roles/{night.pk}/edit/review", fields(permissions=["animal_read", "sample_read"]))
    page = " ".join(text_of(response).split())
    assert response.status_code == 200
    assert "1 added" in page
    assert "1 taken away" in page
    assert "<strong>1 user</strong>" in page
    assert page.count("Save role") == 1
    assert 'value="sample_read" aria-label="sample: read" checked' in page
    assert rows == []
    night.refresh_from_db()
    assert night.permission_names == ["user_read", "animal_read"]


def test_htmx_gets_the_review_alone_and_a_restored_page_the_whole(browser, night):
    path, sent = f"/roles/{night.pk}/edit/review", fields(permissions=["animal_read"])
    fragment = text_of(browser.post(path, sent, headers=HTMX))
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment
    assert "1 taken away" in fragment
    assert "<html" in text_of(browser.post(path, sent, headers={**HTMX, "HX-History-Restore-Request": "true"}))


def test_a_review_that_is_reloaded_leads_to_the_form(browser, night):
    assert browser.get(f"/roles/{night.pk}/edit/review")["Location"] == f"/roles/{night.pk}/edit"
    assert browser.get("/roles/new/review")["Location"] == "/roles/new"


def test_a_review_of_a_new_role_lists_what_it_will_hold(browser):
    page = text_of(browser.post("/roles/new/review", fields()))
    assert "What the role will hold" in page
    assert "2 added" in page
    assert not Role.objects.filter(slug="night_shift").exists()


def test_a_wrong_review_says_so(browser, night):
    response = browser.post(f"/roles/{night.pk}/edit/review", fields(name=""))
    assert response.status_code == 422
    assert "Enter the name." in text_of(response)


def test_a_role_is_changed(browser, night):
    with audit_rows() as rows:
        browser.post(f"/roles/{night.pk}/edit", fields(name="Late shift", permissions=["animal_read"]))
    night.refresh_from_db()
    assert (night.name, night.permission_names) == ("Late shift", ["animal_read"])
    assert rows[0].details["changes"]["permissions"] == [["user_read", "animal_read"], ["animal_read"]]


def test_the_name_of_a_system_role_stays(browser):
    viewer = role("viewer")
    browser.post(f"/roles/{viewer.pk}/edit", fields(name="Watcher", permissions=["animal_read"]))
    viewer.refresh_from_db()
    assert (viewer.name, viewer.permission_names) == ("Viewer", ["animal_read"])


def test_the_super_administrator_keeps_every_permission(browser):
    super_admin = role("super_admin")
    page = text_of(browser.get(f"/roles/{super_admin.pk}/edit"))
    assert "always holds every permission" in page
    assert 'name="permissions"' not in page
    assert " disabled" not in page
    assert "All 39" in page
    browser.post(f"/roles/{super_admin.pk}/edit", fields(permissions=["animal_read"]))
    assert role("super_admin").permission_names == list(PERMISSION_NAMES)
    assert role("super_admin").description == "By night"


def test_permissions_that_the_reader_lacks_are_locked_with_the_reason(admins_browser):
    page = text_of(admins_browser.get("/roles/new"))
    assert page.count('aria-describedby="not-grantable"') == 2
    assert 'id="not-grantable"' in page


@pytest.mark.parametrize("path", ["/roles/new", "/roles/{night}/edit"])
def test_giving_more_than_one_holds_is_refused_and_on_record(admins_browser, night, path):
    with audit_rows() as rows:
        sent = fields(name="Mighty", permissions=["role_delete"])
        response = admins_browser.post(path.format(night=night.pk), sent)
    assert response.status_code == 422
    assert "This needs the permission role_delete, which you don&#x27;t hold." in text_of(response)
    assert [(row.action, row.details["required"]) for row in rows] == [("access_denied", "role_delete")]


def test_a_role_that_holds_more_than_the_reader_can_not_be_saved(admins_browser):
    super_admin = role("super_admin")
    page = text_of(admins_browser.get(f"/roles/{super_admin.pk}/edit"))
    assert "You can't save changes here" in page
    assert "Save role" not in page
    assert admins_browser.post(f"/roles/{super_admin.pk}/edit", fields()).status_code == 422


def test_a_clone_is_a_new_role_filled_with_the_others_permissions(browser, night):
    page = " ".join(text_of(browser.get(f"/roles/{night.pk}/clone")).split())
    assert 'value="Copy of Night shift"' in page
    assert 'action="/roles/new"' in page
    assert main_of(page).count(" checked") == 2
    assert "Same as Night shift. 2 permissions in all." in page


def test_a_changed_clone_is_compared_with_its_source(browser, night):
    sent = fields(name="Copy", permissions=["animal_read", "sample_read", "sample_create"], source=str(night.pk))
    page = " ".join(text_of(browser.post("/roles/new/review", sent)).split())
    assert "Same as Night shift, plus 2, minus 1: 3 permissions in all." in page
    browser.post("/roles/new", sent)
    assert role("copy").permission_names == ["animal_read", "sample_create", "sample_read"]


@pytest.mark.parametrize("source", ["", "x", "-1", "0", "9" * 19, "9" * 5000, "\x00"])
def test_a_clone_whose_source_is_gone_is_a_new_role(browser, source):
    response = browser.post("/roles/new/review", fields(source=source))
    assert response.status_code == 200
    assert "2 added" in text_of(response)
    assert browser.post("/roles/new", fields(source=source)).status_code == 302


@pytest.mark.parametrize("permissions", [["sample_update"], ["sample_read", "sample_update", "lab_test_approve"]])
def test_a_review_says_what_can_be_changed_without_being_read_and_saving_it_is_allowed(browser, night, permissions):
    path = f"/roles/{night.pk}/edit"
    page = " ".join(text_of(browser.post(f"{path}/review", fields(permissions=permissions))).split())
    unread = "laboratory tests" if "sample_read" in permissions else "samples"
    assert f"Can act on {unread} without reading them" in page
    assert browser.post(path, fields(permissions=permissions)).status_code == 302
    assert "without reading" not in text_of(browser.get("/roles/new"))


def test_a_system_roles_name_is_text(browser):
    page = text_of(browser.get(f"/roles/{role('viewer').pk}/edit"))
    assert 'name="name"' not in page
    assert "The name of a system role is fixed." in page


def test_a_clone_leaves_out_what_the_reader_lacks(admins_browser):
    page = text_of(admins_browser.get(f"/roles/{role('super_admin').pk}/clone"))
    assert "Left out, since you don't hold them yourself: role_delete, settings_update." in page
    assert main_of(page).count(" checked") == 37


def test_deleting_an_empty_role_is_asked_for_by_name_and_done_by_post(browser, night):
    asked = text_of(browser.get(f"/roles/{night.pk}/delete"))
    assert "Delete the role Night shift?" in asked
    assert "Nobody has this role." in asked
    assert Role.objects.filter(pk=night.pk).exists()
    response = browser.post(f"/roles/{night.pk}/delete", follow=True)
    assert "Role Night shift deleted." in text_of(response)
    assert not Role.objects.filter(pk=night.pk).exists()


def test_a_role_in_use_needs_another_for_its_users(browser, night):
    sleepless = make_user("sleepless", "Night shift")
    path = f"/roles/{night.pk}/delete"
    assert "1 user has this role" in text_of(browser.get(path))
    assert browser.post(path).status_code == 422
    assert browser.post(path, {"reassign_to": "night_shift"}).status_code == 422
    assert browser.post(path, {"reassign_to": "viewer"}).status_code == 302
    assert [held.slug for held in sleepless.roles.all()] == ["viewer"]


def test_a_system_role_is_not_deleted(browser):
    viewer = role("viewer")
    path = f"/roles/{viewer.pk}/delete"
    page = text_of(browser.get(path))
    assert "System roles can't be deleted." in page
    assert "Delete role" not in page
    response = browser.post(path, {"reassign_to": "manager"})
    assert response.status_code == 422
    assert Role.objects.filter(slug="viewer").exists()


def test_a_denied_page_is_on_record(cast, night):
    response = page_client(cast.manager).get(f"/roles/{night.pk}/edit")
    assert response.status_code == 403
    assert AuditLog.objects.filter(action="access_denied").latest("id").details["required"] == "role_update"
