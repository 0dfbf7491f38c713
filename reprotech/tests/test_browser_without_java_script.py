"""People's jobs without JavaScript that no other browser test does: every form and link works by itself."""

import re
from uuid import uuid4

import pytest

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

ADMIN = ("admin", "Admin123!")
GIVEN, OWN = "Correct-Horse-7", "Other-Horse-8"


def sign_in(page, username, password):
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    assert "/login" not in page.url


@pytest.fixture
def admin(new_page):
    page = new_page(java_script_enabled=False)
    sign_in(page, *ADMIN)
    return page


@pytest.fixture
def person(admin):
    """The name of a new user, a Viewer with a password that must be changed; their page is open."""
    name = f"plain-{uuid4().hex[:8]}"
    admin.goto("/users/new")
    admin.get_by_label("Username").fill(name)
    admin.get_by_label("E-mail", exact=True).fill(f"{name}@lab.example")
    admin.get_by_role("checkbox", name=re.compile("^Viewer")).check()
    admin.get_by_label("Set a password now").check()
    admin.get_by_label("Password", exact=True).fill(GIVEN)
    admin.get_by_role("button", name="Create user").click()
    assert f"{name} is created." in said(admin)
    return name


def said(page):
    return page.get_by_role("status").first.or_(page.locator("#toasts")).last.inner_text()


def do(page, verb, name):
    """On a user's page: choose what to do, and confirm it."""
    page.get_by_role("main").locator("summary", has_text="More").click()
    page.get_by_role("main").get_by_role("link", name=verb, exact=True).click()
    page.get_by_role("button", name=f"{verb} {name}").click()


def test_a_new_person_must_choose_a_password_and_as_a_viewer_is_refused_the_rest(new_page, person):
    page = new_page(java_script_enabled=False)
    page.expected_errors += ["403", "422"]
    sign_in(page, person, GIVEN)
    page.goto("/profile")
    assert page.url.endswith("/password"), "nothing else opens before"
    for repeated in ("Different-1", OWN):
        page.get_by_label("Current password", exact=True).fill(GIVEN)
        page.get_by_label("New password", exact=True).fill(OWN)
        page.get_by_label("Repeat the new password", exact=True).fill(repeated)
        page.get_by_role("button", name="Change password").click()
    assert "Your password is changed." in said(page)
    assert page.get_by_role("link", name="Users", exact=True).count() == 0
    for path in ("/users", "/users/new", "/roles", "/roles/new", "/audit", "/users/1/lock", "/permissions"):
        assert page.goto(path).status == 403, path
        assert page.get_by_role("heading", level=1).inner_text() == "You may not open this"
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, person, OWN)


def test_an_account_is_locked_unlocked_deactivated_activated_and_its_session_ended(admin, new_page, person):
    for verb in ("Lock", "Unlock", "Deactivate", "Activate"):
        do(admin, verb, person)
        assert f"{person} is {verb.lower().removesuffix('e')}" in said(admin)
    theirs = new_page(java_script_enabled=False)
    sign_in(theirs, person, GIVEN)
    admin.reload()
    admin.get_by_role("button", name=re.compile("^End")).click()
    assert f"The session of {person} has ended." in said(admin)
    theirs.goto("/")
    assert "/login" in theirs.url


def test_the_list_is_sorted_and_paged_by_links(admin):
    rows = "".join(f"row-{n:02},row-{n:02}@lab.example\n" for n in range(12))
    admin.goto("/users/import")
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": f"username,email\n{rows}".encode()}
    admin.get_by_label("CSV file").set_input_files(file)
    admin.get_by_role("button", name="Check the file").click()
    admin.get_by_role("button", name="Create 12 users").click()
    admin.get_by_label("Search", exact=True).fill("row-")
    admin.get_by_label("Rows").select_option("10")
    admin.get_by_label("Status", exact=True).select_option("active")
    admin.get_by_role("button", name="Filter").click()
    admin.get_by_role("link", name="E-mail").click()
    admin.get_by_role("link", name="E-mail").click()
    assert admin.locator("tbody .row-link").first.inner_text() == "row-11"
    admin.get_by_role("navigation", name="Pages").get_by_role("link", name="Page 2").click()
    assert [link.inner_text() for link in admin.locator("tbody .row-link").all()] == ["row-01", "row-00"]
    assert all(part in admin.url for part in ("search=row-", "per_page=10", "status=active", "sort=-email", "page=2"))


def test_a_role_is_created_given_and_deleted_with_another_for_its_users(admin, person):
    role = f"Plain {uuid4().hex[:8]}"
    user_page = admin.url
    admin.goto("/roles/new")
    admin.get_by_label("Name", exact=True).fill(role)
    admin.get_by_role("checkbox", name="sample: read", exact=True).check()
    admin.get_by_role("button", name="Review changes").click()
    assert admin.get_by_role("region", name="What the role will hold").get_by_text("sample_read").is_visible()
    admin.get_by_role("button", name="Create the role").click()
    assert f"The role {role} is created." in said(admin)
    role_page = admin.url
    admin.goto(f"{user_page}/edit")
    admin.get_by_role("checkbox", name=re.compile(f"^{role}")).check()
    admin.get_by_role("button", name="Save user").click()
    admin.goto(role_page)
    admin.get_by_role("link", name="Delete").click()
    admin.get_by_label("Give its users this role instead").select_option("Researcher")
    admin.get_by_role("button", name="Delete role").click()
    assert f"The role {role} is deleted." in said(admin)
    admin.goto(user_page)
    assert admin.get_by_role("row", name=re.compile("^Genomics")).get_by_text("Researcher, Viewer").is_visible()


def test_one_ends_one_other_session_and_then_all_others(admin, new_page):
    others = [new_page(java_script_enabled=False) for _ in range(3)]
    for other in others:
        sign_in(other, *ADMIN)
    admin.goto("/profile")
    admin.get_by_role("main").get_by_role("button", name=re.compile("^End")).first.click()
    assert "The session has ended." in said(admin)
    admin.get_by_role("link", name="End all others").click()
    admin.get_by_role("button", name="End all others").click()
    assert "This one goes on." in said(admin)
    for other in others:
        other.goto("/")
        assert "/login" in other.url
    admin.goto("/profile")
    assert admin.get_by_text("This one").count() == 1
