"""The ten commonest jobs, from the dashboard, in as few clicks as they can take."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import csrf_token, expect_said, sign_in
from reprotech.tests.support.clicks import at_most, clicks_of, count_clicks

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def admin(page):
    count_clicks(page)
    sign_in(page)
    return page


@pytest.fixture
def add_person(admin):
    """Call it for the username and the id of a new viewer."""
    token = csrf_token(admin)

    def add():
        name = f"job-{uuid4().hex[:8]}"
        fields = {"username": name, "email": f"{name}@lab.example", "password": "Correct-Horse-7", "roles": ["viewer"]}
        made = admin.request.post("/api/users", data=fields, headers={"X-CSRFToken": token})
        return name, made.json()["user"]["id"]

    return add


def find(page, text, title):
    """Ctrl+K and Enter, for the first result."""
    page.keyboard.press("Control+k")
    expect(page.locator("#palette input")).to_be_focused()
    page.keyboard.type(text)
    expect(page.get_by_role("group", name="Recent")).to_have_count(0)
    expect(page.get_by_role("option").first).to_contain_text(title)
    page.keyboard.press("Enter")


def test_clicks_and_keys_are_counted_and_typing_is_not(admin):
    admin.goto("/users")
    with at_most(admin, 3):
        admin.get_by_label("Search", exact=True).click()
        admin.keyboard.type("Hugo Li")
        admin.keyboard.press("Tab")
        admin.get_by_role("checkbox", name="Select admin").check()
        admin.keyboard.press("Control+k")
        assert clicks_of(admin) == 3


def test_jobs_on_people(admin, add_person):
    name, user_id = add_person()
    admin.goto("/")
    with at_most(admin, 2):  # open a person by name
        find(admin, name, name)
        admin.wait_for_url(f"**/users/{user_id}")
    jobs = (
        (f"reset {name}", "Reset password of", "Reset password", f"on its way to {name}@lab.example"),
        (f"assign researcher to {name}", "Assign Researcher to", "Save roles", f"Researcher assigned to {name}"),
        (f"lock {name}", "Lock", f"Lock {name}", f"User {name} locked."),
    )
    for text, title, button, said in jobs:
        admin.goto("/")
        with at_most(admin, 3):
            find(admin, text, title)
            admin.get_by_role("button", name=button).click()
            expect_said(admin, said)
    admin.goto("/")
    with at_most(admin, 3):  # what can this person do
        find(admin, name, name)
        admin.get_by_role("link", name=re.compile(r"^Access( \d+)?$")).click()
        row = admin.get_by_role("row", name=re.compile("^Sample"))
        expect(row).to_contain_text("Update")
        expect(row).to_contain_text("Researcher")


def test_a_person_is_invited_with_a_role(admin):
    last_name = f"Job{uuid4().hex[:8]}"
    username = f"hugo.{last_name.lower()}"
    with at_most(admin, 3):
        find(admin, "invite researcher", "Invite a user as Researcher")
        expect(admin.get_by_role("textbox", name="First name")).to_be_focused()
        expect(admin.get_by_role("checkbox", name=re.compile("^Researcher"))).to_be_checked()
        for text in ("Hugo", last_name):
            admin.keyboard.type(text)
            admin.keyboard.press("Tab")
        expect(admin.get_by_role("textbox", name="Username")).to_have_value(username)
        admin.keyboard.press("Tab")
        admin.keyboard.type(f"{username}@lab.example")
        admin.get_by_role("button", name="Create user").click()
        expect_said(admin, f"User {username} created. An invitation is on its way to {username}@lab.example.")
    expect(admin.get_by_role("link", name="Researcher")).to_be_visible()


def test_a_role_is_given_to_five_people_from_the_role(admin, add_person):
    names = [add_person()[0] for _ in range(5)]
    admin.goto("/")
    with at_most(admin, 7):
        admin.get_by_role("link", name="Roles", exact=True).click()
        admin.get_by_role("link", name="Veterinarian", exact=True).click()
        admin.get_by_role("link", name="Add users").first.click()
        dialog = admin.locator("dialog[open]")
        expect(dialog.get_by_label("Search users")).to_be_focused()
        admin.keyboard.type(", ".join(names))
        admin.keyboard.press("Enter")
        expect(dialog.locator("[data-counts]")).to_have_text("5 selected")
        dialog.get_by_role("button", name="Add to role").click()
        expect_said(admin, "Veterinarian assigned to 5 users.")


def test_jobs_on_permissions_and_the_log(admin):
    with at_most(admin, 2):  # who can do this
        admin.get_by_role("link", name="Permissions", exact=True).click()
        admin.get_by_role("link", name="Update settings").click()
        admin.get_by_role("heading", name="Who can update settings?").wait_for()
        users = admin.get_by_role("region", name="Users with this permission")
        expect(users.get_by_role("link", name="System Administrator")).to_be_visible()
    admin.goto("/")
    with at_most(admin, 2):
        admin.get_by_role("link", name="Audit log").click()
        admin.get_by_role("link", name="Failed sign-ins, 24 h").click()
        admin.wait_for_url("**/audit?action=login&outcome=failure&last=24h")
    admin.goto("/")
    with at_most(admin, 3):  # proof of one event
        admin.get_by_role("link", name="Audit log").click()
        admin.locator("#events tr[data-row]").last.locator("td").last.click()
        with admin.expect_download() as download:
            admin.get_by_role("link", name="Download proof").click()
    assert re.fullmatch(r".*proof.*\.jsonl", download.value.suggested_filename)
