"""What the form of a user offers while one fills it in: a username for the name, the permissions of the roles."""

import pytest

from accounts.users.uniqueness import propose_username
from reprotech.testing.cast import make_user
from reprotech.testing.client import page_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(cast):
    """The Administrator's."""
    return page_client(cast.admin)


@pytest.mark.parametrize(
    ("first", "last", "username"),
    [
        ("Ada", "Byron", "ada.byron"),
        ("  Ada Augusta ", "King Noel", "ada.king-noel"),
        ("Zoë", "Müller-Groß", "zoe.muller-gross"),
        ("Søren", "O'Łukasz", "soren.olukasz"),
        ("", "Byron", "byron"),
        ("Ada", "", "ada"),
        ("李", "明", "li.ming"),
        ("Владимир", "Щукин", "vladimir.shchukin"),
        ("Ελένη", "Παπαδοπούλου", "eleni.papadopoyloy"),
        ("Ánh", "Nguyễn", "anh.nguyen"),
        ("😀", "$ €", ""),
        ("A", "", ""),
        ("<b>", "'; --", ""),
        ("\u202eAda\u0000", "By\u200bron", "ada.byron"),
        ("x" * 5000, "y" * 5000, "x" * 70),
    ],
)
def test_a_username_is_made_of_the_name(first, last, username):
    assert propose_username(first, last) == username


def test_the_first_free_one_is_proposed(cast, browser, django_assert_max_num_queries):
    make_user("ada.byron")
    deleted = make_user("Ada.Byron2")
    browser.post(f"/users/{deleted.pk}/delete")
    names = {"first_name": "Ada", "last_name": "Byron"}
    assert browser.get("/users/new/username", names).json() == {"username": "ada.byron3"}


def test_names_without_a_username_propose_none(browser):
    assert browser.get("/users/new/username").json() == {"username": ""}


def test_the_permissions_of_the_ticked_roles_are_shown(cast, browser):
    page = browser.get("/users/new/permissions", {"roles": ["viewer", "no-role", "<b>"]}).content.decode()
    assert page.lstrip().startswith('<section id="roles-preview"')
    assert "Genomics" in page
    assert "Audit" not in page
    assert "<b>" not in page
    both = browser.get("/users/edit/permissions", {"roles": ["viewer", "manager"]}).content.decode()
    assert "Audit" in both
    assert "Manager" in both
    assert "None: without a role" in browser.get("/users/new/permissions").content.decode()


def test_the_form_shows_those_of_the_roles_that_a_person_has(cast, browser):
    page = browser.get(f"/users/{cast.viewer.pk}/edit").content.decode()
    assert "Genomics" in page.partition('id="roles-preview"')[2]
    assert 'hx-get="/users/edit/permissions"' in page
    assert "None: without a role" in browser.get("/users/new").content.decode()


def test_a_link_ticks_the_roles_that_the_reader_may_assign(browser):
    page = browser.get("/users/new", {"role": ["viewer", "super_admin", "no-role", "<b>"]}).content.decode()
    ticked = [tag for tag in page.split("<input") if 'name="roles"' in tag and "checked" in tag.partition(">")[0]]
    assert [tag.partition('value="')[2].partition('"')[0] for tag in ticked] == ["viewer"]
    assert "Genomics" in page.partition('id="roles-preview"')[2]
    assert "<b>" not in page
