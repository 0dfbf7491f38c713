"""Roles, passwords, sessions and errors in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import ADMIN, sign_in

# Pages are the same on every stack; test_browser.py and test_browser_users.py open theirs on both.
pytestmark = pytest.mark.only_on("postgresql")


def permission(page, name):
    return page.get_by_role("checkbox", name=name, exact=True)


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_role_is_cloned_reviewed_changed_and_deleted(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    name = f"Cloned {'with' if java_script else 'without'}"
    sign_in(page, to="/roles")
    page.get_by_role("link", name="Viewer", exact=True).click()
    page.get_by_role("link", name="Clone").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create role").click()
    page.get_by_role("heading", level=1, name=name).wait_for()
    expect(page.get_by_text("8 of 39")).to_be_visible()

    page.get_by_role("link", name="Edit").click()
    page.wait_for_url("**/edit")
    permission(page, "user: read").check()
    permission(page, "genomics: read").uncheck()
    if not java_script:
        page.get_by_role("button", name="Review changes").click()
    change = page.get_by_role("region", name="Summary of changes")
    change.get_by_text("1 taken away").wait_for()
    expect(change.get_by_text("user_read")).to_be_visible()
    expect(change.get_by_text("genomics_read")).to_be_visible()
    expect(permission(page, "user: read")).to_be_checked()
    expect(page.get_by_role("button", name="Review changes")).to_have_count(0 if java_script else 1)
    page.get_by_role("button", name="Save role").click()
    page.get_by_role("status").get_by_text(f"Role {name} saved.").wait_for()
    row = page.get_by_role("row", name=re.compile("^User "))
    expect(row.get_by_text("Yes")).to_have_count(1)

    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete role").click()
    page.get_by_role("status").get_by_text(f"Role {name} deleted.").wait_for()
    expect(page.get_by_role("link", name=name)).to_have_count(0)


def test_reading_is_ticked_along_with_writing_and_can_be_undone(page):
    sign_in(page, to="/roles/new")
    page.get_by_label("Name", exact=True).fill("Ticked along")
    note, count = page.locator("[data-matrix-note]"), page.locator("[data-ticked]")
    permission(page, "sample: update").check()
    expect(permission(page, "sample: read")).to_be_checked()
    expect(note).to_contain_text("Also ticked: Read samples.")
    permission(page, "sample: read").uncheck()
    expect(permission(page, "sample: update")).not_to_be_checked()
    expect(note).to_contain_text("Also unticked: Update samples.")
    note.get_by_role("button", name="Undo").click()
    expect(permission(page, "sample: update")).to_be_checked()
    page.get_by_text("Can act on samples without reading them").wait_for()

    page.get_by_role("button", name="Read only").click()
    expect(count).to_have_text("13")
    page.get_by_label("Lab modules: everything").check()
    expect(count).to_have_text("30")
    expect(page.get_by_label("Sample: all actions")).to_be_checked()
    page.get_by_label("Read: all resources").uncheck()
    expect(permission(page, "report: export")).not_to_be_checked()
    page.get_by_role("button", name="All", exact=True).click()
    expect(count).to_have_text("39")
    page.get_by_role("button", name="None").click()
    page.get_by_label("Genomics: all actions").check()
    expect(count).to_have_text("1")
    page.get_by_role("region", name="What the role will hold").get_by_text("genomics_read").wait_for()


def test_a_role_is_given_to_five_people_one_after_the_other(page):
    sign_in(page)
    signed_in = page.request.post("/api/auth/login", data={"username": ADMIN[0], "password": ADMIN[1]}).json()
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    names = [f"seven-{number}" for number in range(5)]
    for name in names:
        user = {"username": name, "email": f"{name}@lab.example", "password": "Correct-Horse-7", "roles": ["viewer"]}
        assert page.request.post("/api/users", data=user, headers=headers).status == 201
    page.get_by_role("link", name="Roles", exact=True).click()
    page.get_by_role("link", name="Veterinarian", exact=True).click()
    page.get_by_role("link", name="Add users").click()
    dialog = page.locator("dialog[open]")
    search, selected = dialog.get_by_label("Search users"), dialog.locator("[data-counts]")
    for number, name in enumerate(names, 1):
        search.fill("")
        search.press_sequentially(name, delay=20)  # as a person types: the dialog isn't at work in its first moment
        search.press("Enter")
        expect(selected).to_have_text(f"{number} selected")
    dialog.get_by_role("button", name="Add to role").click()
    page.get_by_role("status").get_by_text("Veterinarian assigned to 5 users.").wait_for()

    page.get_by_text("Actions for seven-0").locator("..").click()
    page.get_by_role("link", name="Remove from role").click()
    page.get_by_role("button", name="Remove from role").click()
    page.get_by_role("status").get_by_text("Veterinarian removed from seven-0.").wait_for()


def test_people_are_added_to_a_role_without_javascript_and_a_search_keeps_the_ticks(new_page):
    page = new_page(java_script_enabled=False)
    sign_in(page, to="/roles")
    page.get_by_role("link", name="Manager", exact=True).click()
    page.get_by_role("link", name="Add users").click()
    page.get_by_role("checkbox", name=re.compile("@admin")).check()
    page.get_by_label("Search users").fill("nobody at all")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("checkbox", name=re.compile("@admin"))).to_be_checked()
    expect(page).not_to_have_url(re.compile("csrf"))
    page.get_by_role("button", name="Add to role").click()
    page.get_by_text("Manager assigned to 1 user.").wait_for()
    expect(page.get_by_role("link", name="System Administrator")).to_be_visible()


def test_from_a_permission_to_who_has_it_searching_as_one_types_and_back(page):
    sign_in(page)
    page.get_by_role("link", name="Permissions", exact=True).click()
    page.get_by_role("link", name="Update settings").click()
    users = page.get_by_role("region", name="Users with this permission")
    users.get_by_role("link", name="System Administrator").wait_for()
    page.wait_for_load_state()
    page.get_by_label("Search these users").press_sequentially("nobody-at-all")
    users.get_by_text("Nobody found.").wait_for()
    expect(page).to_have_url(re.compile("search=nobody-at-all"))
    page.go_back()
    page.get_by_role("heading", name="Who can update settings?").wait_for()


def test_the_rules_of_a_new_password_tick_themselves_off(page):
    sign_in(page, to="/password")
    field = page.get_by_label("New password", exact=True)
    met = page.locator("li[data-met=true]")
    for typed, count in (("abc", 1), ("Abc1", 3), ("Abcdefg1", 4), ("Abcdef-1", 5), ("", 0)):
        field.fill(typed)
        expect(met, typed).to_have_count(count)
    expect(page.locator("[data-rules-met]")).to_contain_text("0 of 5 met")
    field.fill("Abcdef-1")
    page.locator("[data-shows=id_new_password]").click()
    expect(field).to_have_attribute("type", "text")


def test_one_browser_ends_the_session_of_another(new_page):
    here, there = new_page(), new_page()
    sign_in(here, to=None)
    sign_in(there, to=None)
    here.goto("/profile/sessions")
    expect(here.get_by_text("This device")).to_have_count(1)
    here.get_by_role("link", name="Sign out other sessions").click()
    here.get_by_role("button", name="Sign out other sessions").click()
    here.get_by_role("status").get_by_text("You stay signed in here").wait_for()
    there.goto("/profile")
    expect(there).to_have_url(re.compile("/login"))


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_of_these_scrolls_sideways(new_page, width):
    page = new_page(viewport={"width": width, "height": 844})
    page.expected_errors.append("404")
    sign_in(page, to=None)
    for path in ("/roles", "/roles/new", "/permissions", "/permissions/user_read", "/profile", "/nothing-here"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto("/roles")
    page.get_by_role("link", name="Manager", exact=True).click()
    page.wait_for_url(re.compile(r"/roles/\d+$"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_admin_changes_colours_with_the_pages(page):
    sign_in(page, to="/admin/")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(14, 18, 18)")
    page.get_by_role("link", name="Back to Reprotech").click()
    page.get_by_role("heading", name="Hello").wait_for()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_where_the_summary_is_below_the_matrix_the_bar_says_it_in_brief(new_page):
    page = new_page(viewport={"width": 390, "height": 844})
    sign_in(page)
    page.goto("/roles/new")
    page.get_by_label("Name", exact=True).fill("In brief")
    brief = page.locator("[data-change-brief]")
    expect(brief).to_be_hidden()
    permission(page, "user: read").check()
    expect(brief).to_have_text("1 added")
    brief.click()
    expect(page.get_by_role("heading", name="What the role will hold")).to_be_in_viewport()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(brief).to_be_hidden()
