"""What asks before something is done: a whole page, or what the page includes for a dialog."""

import re

import pytest

from accounts.access.authorization import SYSTEM
from accounts.roles.services import create_role
from reprotech.testing.client import page_client

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(cast):
    """Of someone who may delete roles too."""
    return page_client(cast.super_admin)


@pytest.fixture
def paths(cast):
    """Every address that asks."""
    role = create_role(actor=SYSTEM, name="Porter", permissions=["user_read"])
    steps = ("lock", "unlock", "activate", "deactivate", "delete", "reset-password")
    return [
        *(f"/users/{cast.viewer.pk}/{step}" for step in steps),
        *(f"/users/selected/{step}?user={cast.viewer.pk}" for step in ("activate", "deactivate", "assign-role")),
        f"/roles/{role.pk}/delete",
        "/profile/sessions/end",
    ]


def content(response):
    text = response.content.decode()
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", text).strip()


def test_a_dialog_shows_what_the_page_includes(browser, paths):
    for path in paths:
        page, fragment = browser.get(path), browser.get(path, headers=HTMX)
        assert "<main" in content(page), path
        assert content(fragment).startswith('<h1 id="dialog-title">'), path
        assert content(fragment) in content(page), path
        assert "data-closes" in content(fragment), path
        assert "HX-Request" in fragment["Vary"], path


@pytest.mark.parametrize("visit", ["HX-Boosted", "HX-History-Restore-Request"])
def test_a_visit_and_the_back_button_get_the_page(browser, paths, visit):
    for path in paths:
        assert "<main" in content(browser.get(path, headers={**HTMX, visit: "true"})), path


def test_an_answer_leads_a_dialog_on_and_a_refusal_stays_in_it(cast, browser, paths):
    for path in paths:
        if "delete" in path or "reset" in path or "assign" in path:
            continue
        done = browser.post(path, {"user": cast.viewer.pk}, headers=HTMX)
        assert (done.status_code, content(done)) == (200, ""), path
        assert done["HX-Redirect"].startswith(("/users", "/profile")), path
    for path in (f"/users/{cast.super_admin.pk}/lock", f"/users/{cast.viewer.pk}/reset-password"):
        refused = browser.post(path, {"access": "password", "password": "short"}, headers=HTMX)
        assert refused.status_code == 422, path
        assert content(refused).startswith('<h1 id="dialog-title">'), path


def test_what_is_deleted_is_left(cast, browser, paths):
    role = next(path for path in paths if path.startswith("/roles/"))
    assert browser.post(role, headers=HTMX)["HX-Redirect"] == "/roles"
    assert browser.post(f"/users/{cast.viewer.pk}/delete", headers=HTMX)["HX-Redirect"] == "/users"
