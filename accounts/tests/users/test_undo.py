"""A change that can be undone carries a button for it, a form that goes the ordinary way."""

import re

import pytest

from accounts.models import Session, User
from reprotech.testing.cast import audit_rows
from reprotech.testing.client import page_client


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


def undo_form(browser, path="/users"):
    """The address and fields of the form in the toast of the next page; None where there is none."""
    toasts = browser.get(path).content.decode().partition('id="toasts"')[2]
    form = re.search(r'<form action="([^"]+)"(.*?)</form>', toasts, re.DOTALL)
    if form is None:
        return None
    fields = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[2]):
        fields.setdefault(name, []).append(value)
    assert fields.pop("csrfmiddlewaretoken")
    assert ">Undo<" in form[2]
    return form[1], fields


@pytest.mark.parametrize(
    ("step", "before", "field", "events"),
    [
        ("lock", {}, "is_locked", ["lock", "unlock"]),
        ("deactivate", {}, "is_active", ["update", "update"]),
        ("activate", {"is_active": False}, "is_active", ["update", "update"]),
    ],
)
def test_what_was_done_to_one_is_undone_with_an_event_of_its_own(cast, browser, step, before, field, events):
    User.objects.filter(pk=cast.viewer.pk).update(**before)
    earlier = getattr(User.objects.get(pk=cast.viewer.pk), field)
    with audit_rows() as rows:
        browser.post(f"/users/{cast.viewer.pk}/{step}", {"next": "/users?role=viewer"})
        assert getattr(User.objects.get(pk=cast.viewer.pk), field) is not earlier
        path, fields = undo_form(browser)
        assert fields == {"next": ["/users?role=viewer"]}
        assert browser.post(path, fields).url == "/users?role=viewer"
    assert getattr(User.objects.get(pk=cast.viewer.pk), field) is earlier
    assert [row.action for row in rows] == events


def test_nothing_is_offered_to_undo_where_nothing_was_changed(cast, browser):
    # Unlocking also ends a lockout by wrong guesses: to lock them would not take that back.
    browser.post(f"/users/{cast.viewer.pk}/unlock")
    assert undo_form(browser) is None
    browser.post(f"/users/{cast.viewer.pk}/delete")
    assert undo_form(browser) is None


def test_a_role_is_taken_back_from_those_alone_who_did_not_have_it(cast, browser):
    people = [cast.viewer.pk, cast.researcher.pk, cast.manager.pk]
    browser.post("/users/selected/assign-role", {"user": people, "role": "viewer", "next": "/users?role=viewer"})
    path, fields = undo_form(browser)
    assert path == "/users/selected/remove-role"
    assert set(fields["user"]) == {str(cast.researcher.pk), str(cast.manager.pk)}
    browser.post(path, fields)
    held = {user.username: [role.slug for role in user.roles.all()] for user in User.objects.filter(pk__in=people)}
    assert held == {"the-viewer": ["viewer"], "the-researcher": ["researcher"], "the-manager": ["manager"]}


def test_activation_of_many_is_undone_for_those_who_were_inactive(cast, browser):
    User.objects.filter(pk=cast.viewer.pk).update(is_active=False)
    browser.post("/users/selected/activate", {"user": [cast.viewer.pk, cast.researcher.pk]})
    path, fields = undo_form(browser)
    assert (path, fields["user"]) == ("/users/selected/deactivate", [str(cast.viewer.pk)])


def test_who_may_no_longer_do_it_is_refused_and_recorded(cast, browser):
    browser.post(f"/users/{cast.viewer.pk}/lock")
    path, fields = undo_form(browser)
    cast.admin.roles.set([])
    Session.objects.update(confirmed_at=None)
    with audit_rows() as rows:
        assert browser.post(path, fields).status_code == 403
    assert [row.action for row in rows] == ["access_denied"]
    assert User.objects.get(pk=cast.viewer.pk).is_locked


def test_it_needs_the_token_of_the_page(cast):
    browser = page_client(cast.admin)
    browser.handler.enforce_csrf_checks = True
    assert browser.post(f"/users/{cast.viewer.pk}/unlock").status_code == 403
