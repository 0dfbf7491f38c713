"""Roles given and taken on a person's page, with what that changes shown before it is saved."""

import re

import pytest

from accounts.access.authorization import SYSTEM
from accounts.models import User
from accounts.users.services import create_user, update_user
from reprotech.testing.cast import audit_rows
from reprotech.testing.client import page_client


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def text_of(response):
    return " ".join(response.content.decode().split())


def slugs_of(user):
    return [role.slug for role in User.objects.get(pk=user.pk).roles.all()]


def version_on(page):
    return re.search(r'name="version" value="([^"]+)"', page)[1]


def test_the_page_has_each_role_to_tick_and_says_no_change_yet(cast, browser):
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/access"))
    assert re.search(r'value="viewer" checked', page)
    assert re.search(r'value="super_admin" disabled', page)
    assert "Save roles" not in page
    assert "8 of 39 permissions" in page


def test_ticking_shows_what_is_gained_and_lost_before_anything_is_saved(cast, browser):
    path = f"/users/{cast.viewer.pk}/roles/review"
    with audit_rows() as rows:
        preview = text_of(browser.post(path, {"roles": ["lab_technician"]}, headers={"HX-Request": "true"}))
    assert "<main" not in preview
    assert "<strong>Assigns</strong> Laboratory Technician." in preview
    assert "<strong>Removes</strong> Viewer." in preview
    assert re.search(r"Gains \d+ permissions: sample_create, sample_update", preview)
    assert re.search(r"Loses \d+ permissions?: ", preview)
    assert "Save roles" in preview
    assert rows == []
    assert slugs_of(cast.viewer) == ["viewer"]


def test_a_role_that_adds_nothing_is_said_to(cast, browser):
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["manager"])
    path = f"/users/{cast.viewer.pk}/roles/review"
    preview = text_of(browser.post(path, {"roles": ["manager", "viewer"]}, headers={"HX-Request": "true"}))
    assert "The permissions stay the same" in preview


def test_without_javascript_the_review_is_the_page_with_the_boxes_kept(cast, browser):
    page = text_of(browser.post(f"/users/{cast.viewer.pk}/roles/review", {"roles": ["researcher"]}))
    assert "<main" in page
    assert re.search(r'value="researcher" checked', page)
    assert "Save roles" in page
    assert browser.get(f"/users/{cast.viewer.pk}/roles/review")["Location"] == f"/users/{cast.viewer.pk}/access"


def test_saving_gives_and_takes_with_an_event_each(cast, browser):
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/access"))
    with audit_rows() as rows:
        done = browser.post(
            f"/users/{cast.viewer.pk}/roles", {"roles": ["researcher"], "version": version_on(page)}, follow=True
        )
    assert done.redirect_chain == [(f"/users/{cast.viewer.pk}/access", 302)]
    assert "Researcher assigned to the-viewer, Viewer removed." in text_of(done)
    assert slugs_of(cast.viewer) == ["researcher"]
    assert [row.action for row in rows] == ["role_assign", "role_revoke"]
    undo = text_of(done).partition('id="toasts"')[2]
    assert f'action="/users/{cast.viewer.pk}/roles"' in undo
    assert 'name="roles" value="viewer"' in undo
    browser.post(f"/users/{cast.viewer.pk}/roles", {"roles": ["viewer"]})
    assert slugs_of(cast.viewer) == ["viewer"]


def test_a_link_ticks_the_role_that_it_names(cast, browser):
    page = text_of(browser.get(f"/users/{cast.viewer.pk}/roles?assign=researcher"))
    assert re.search(r'value="researcher" checked', page)
    assert re.search(r'value="viewer" checked', page)
    assert "<strong>Assigns</strong> Researcher." in page
    unticked = text_of(browser.get(f"/users/{cast.viewer.pk}/roles?remove=viewer&assign=no-such-role"))
    assert "<strong>Removes</strong> Viewer." in unticked
    assert slugs_of(cast.viewer) == ["viewer"]


def test_who_saves_second_sees_both_and_can_save_again(cast, browser):
    path = f"/users/{cast.viewer.pk}/roles"
    old = version_on(text_of(browser.get(f"/users/{cast.viewer.pk}/access")))
    update_user(actor=SYSTEM, user_id=cast.viewer.pk, roles=["viewer", "veterinarian"])
    refused = browser.post(path, {"roles": ["viewer", "researcher"], "version": old})
    page = text_of(refused)
    assert refused.status_code == 422
    assert "Where the two differ" in page
    assert re.search(r'value="researcher" checked', page)
    assert slugs_of(cast.viewer) == ["veterinarian", "viewer"]
    assert browser.post(path, {"roles": ["viewer", "researcher"], "version": version_on(page)}).status_code == 302
    assert slugs_of(cast.viewer) == ["researcher", "viewer"]


def test_a_role_beyond_the_readers_own_is_refused_and_recorded(cast, browser):
    with audit_rows() as rows:
        refused = browser.post(f"/users/{cast.viewer.pk}/roles", {"roles": ["viewer", "super_admin"]})
    assert refused.status_code == 422
    assert "This needs the permission role_delete" in text_of(refused)
    assert [row.action for row in rows] == ["access_denied"]
    assert slugs_of(cast.viewer) == ["viewer"]


def test_a_role_that_is_gone_is_named(cast, browser):
    refused = browser.post(f"/users/{cast.viewer.pk}/roles", {"roles": ["viewer", "king"]})
    assert refused.status_code == 422
    assert "There is no role king any more." in text_of(refused)


def test_who_holds_more_has_no_boxes_and_can_not_be_changed(cast, browser):
    page = text_of(browser.get(f"/users/{cast.super_admin.pk}/access"))
    assert 'name="roles"' not in page
    assert "it holds more than you do" in page
    with audit_rows() as rows:
        assert browser.post(f"/users/{cast.super_admin.pk}/roles", {"roles": ["viewer"]}).status_code == 422
    assert [row.action for row in rows] == ["access_denied"]
    assert slugs_of(cast.super_admin) == ["super_admin"]


def test_the_last_super_administrator_stays_one(cast):
    browser = page_client(cast.super_admin)
    refused = browser.post(f"/users/{cast.super_admin.pk}/roles", {"roles": ["viewer"]})
    assert refused.status_code == 422
    assert "last active Super Administrator" in text_of(refused)


def test_who_may_only_read_users_sees_roles_without_boxes(cast):
    page = text_of(page_client(cast.manager).get(f"/users/{cast.viewer.pk}/access"))
    assert 'name="roles"' not in page
    assert "Viewer" in page
    assert "Change roles" not in text_of(page_client(cast.manager).get(f"/users/{cast.viewer.pk}"))


def test_who_may_change_users_without_seeing_them_ends_on_the_dashboard(cast):
    from accounts.roles.services import create_role

    viewers = ["animal_read", "sample_read", "lab_test_read", "procedure_read", "customer_read", "inventory_read"]
    held = ["user_update", *viewers, "report_read", "genomics_read"]
    create_role(actor=SYSTEM, name="Clerk", permissions=held)
    clerk = create_user(
        actor=SYSTEM, username="clerk", email="clerk@lab.example", password="Correct-Horse-7", roles=["clerk"]
    )
    done = page_client(clerk).post(f"/users/{cast.stranger.pk}/roles", {"roles": ["viewer"]})
    assert (done.status_code, done["Location"]) == (302, "/")
    assert slugs_of(cast.stranger) == ["viewer"]
