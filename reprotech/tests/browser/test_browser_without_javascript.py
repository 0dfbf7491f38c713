"""People's jobs without JavaScript that no other browser test does: every form and link works by itself."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import expect_said, sign_in

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

GIVEN, OWN = "Correct-Horse-7", "Other-Horse-8"


@pytest.fixture
def admin(new_page):
    page = new_page(java_script_enabled=False)
    sign_in(page, to=None)
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
    expect_said(admin, f"User {name} created.")
    return name


def do(page, verb, name):
    """On a user's page: choose what to do, and confirm it."""
    page.get_by_role("main").locator("summary", has_text="More").click()
    page.get_by_role("main").get_by_role("link", name=verb, exact=True).click()
    page.get_by_role("button", name=f"{verb} {name}").click()


def test_a_new_person_must_choose_a_password_and_as_a_viewer_is_refused_the_rest(new_page, person):
    page = new_page(java_script_enabled=False)
    page.expected_errors += ["403", "422"]
    sign_in(page, person, GIVEN, to="/profile")
    expect(page, "nothing else opens before").to_have_url(re.compile("/password(\\?next=.*)?$"))
    for repeated, answer in (("Different-1", "The two passwords differ."), (OWN, "Password changed.")):
        page.get_by_label("Current password", exact=True).fill(GIVEN)
        page.get_by_label("New password", exact=True).fill(OWN)
        page.get_by_label("Repeat the new password", exact=True).fill(repeated)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_text(answer).first).to_be_visible()
    expect(page.get_by_role("link", name="Users", exact=True)).to_have_count(0)
    for path in ("/users", "/users/new", "/roles", "/roles/new", "/audit", "/users/1/lock", "/permissions"):
        assert page.goto(path).status == 403, path
        expect(page.get_by_role("heading", level=1)).to_have_text("You don't have access to this page")
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login*")
    sign_in(page, person, OWN)


def test_an_account_is_locked_unlocked_deactivated_activated_and_its_session_ended(admin, new_page, person):
    for verb in ("Lock", "Unlock", "Deactivate", "Activate"):
        do(admin, verb, person)
        expect_said(admin, f"User {person} {verb.lower().removesuffix('e')}ed.")
    theirs = new_page(java_script_enabled=False)
    sign_in(theirs, person, GIVEN)
    admin.get_by_role("link", name="Sessions").click()
    admin.locator("#sessions tbody summary").click()
    admin.get_by_role("button", name=re.compile("^Sign out .+ from ")).click()
    expect_said(admin, f"Session of {person} ended.")
    theirs.goto("/")
    expect(theirs).to_have_url(re.compile("/login"))


def test_the_list_is_sorted_and_paged_by_links(admin):
    rows = "".join(f"row-{n:02},row-{n:02}@lab.example\n" for n in range(12))
    admin.goto("/users/import")
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": f"username,email\n{rows}".encode()}
    admin.get_by_label("CSV file").set_input_files(file)
    admin.get_by_role("button", name="Validate file").click()
    admin.get_by_role("button", name="Create 12 users").click()
    admin.get_by_label("Search", exact=True).fill("row-")
    admin.get_by_role("search", name="Users").get_by_label("Status").select_option("active")
    admin.get_by_role("button", name="Filter").click()
    admin.get_by_role("link", name="10 rows").click()
    expect(admin).to_have_url(re.compile("search=row-"))
    for sort in ("sort=email", "sort=-email"):
        # With many columns chosen there is one under the name too.
        admin.get_by_role("link", name="E-mail").first.click()
        expect(admin).to_have_url(re.compile(sort))
    expect(admin.locator("tbody .row-link").first).to_have_text("row-11")
    admin.get_by_role("navigation", name="Pages").get_by_role("link", name="Page 2").click()
    expect(admin.locator("tbody .row-link")).to_have_text(["row-01", "row-00"])
    for part in ("search=row-", "per_page=10", "status=active", "sort=-email", "[?&]page=2"):
        expect(admin).to_have_url(re.compile(part))


def test_a_role_is_created_given_and_deleted_with_another_for_its_users(admin, person):
    role = f"Plain {uuid4().hex[:8]}"
    user_page = admin.url
    admin.goto("/roles/new")
    admin.get_by_label("Name", exact=True).fill(role)
    admin.get_by_role("checkbox", name="sample: read", exact=True).check()
    admin.get_by_role("button", name="Review changes").click()
    review = admin.get_by_role("region", name="What the role will hold")
    expect(review.get_by_text("sample_read")).to_be_visible()
    admin.get_by_role("button", name="Create role").click()
    expect_said(admin, f"Role {role} created.")
    role_page = admin.url
    admin.goto(f"{user_page}/edit")
    admin.get_by_role("checkbox", name=re.compile(f"^{role}")).check()
    admin.get_by_role("button", name="Save user").click()
    expect_said(admin, "saved.")
    admin.goto(role_page)
    admin.get_by_role("link", name="Delete").click()
    admin.get_by_label("Give its users this role instead").select_option("Researcher")
    admin.get_by_role("button", name="Delete role").click()
    expect_said(admin, f"Role {role} deleted.")
    admin.goto(f"{user_page}/access")
    expect(admin.get_by_role("row", name=re.compile("^Genomics")).get_by_text("Researcher, Viewer")).to_be_visible()


def test_one_ends_one_other_session_and_then_all_others(admin, new_page):
    others = [new_page(java_script_enabled=False) for _ in range(3)]
    for other in others:
        sign_in(other, to=None)
    admin.goto("/profile/sessions")
    other_row = admin.locator("#sessions tbody tr").filter(has_not_text="This device").first
    other_row.locator("summary").click()
    other_row.get_by_role("button", name=re.compile("^Sign out .+ from ")).click()
    expect_said(admin, "Session ended.")
    admin.get_by_role("link", name="Sign out other sessions").click()
    admin.get_by_role("button", name="Sign out other sessions").click()
    expect_said(admin, "You stay signed in here.")
    for other in others:
        other.goto("/")
        expect(other).to_have_url(re.compile("/login"))
    admin.goto("/profile/sessions")
    expect(admin.get_by_text("This device")).to_have_count(1)
