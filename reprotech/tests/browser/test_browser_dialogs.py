"""What asks before something is done, in a dialog: refusals stay in it, success brings the page up to date."""

import re

import pytest
from playwright.sync_api import expect

from reprotech.tests.browser.test_accessibility import violations
from reprotech.tests.support.browser_actions import ADMIN, expect_said, sign_in

# What the browser does is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def admin_page(new_page):
    """Signed in as the administrator."""
    page = new_page()
    sign_in(page, to=None)
    return page


def make_users(page, *names, roles=("viewer",)):
    token = page.request.post("/api/auth/login", data={"username": ADMIN[0], "password": ADMIN[1]}).json()
    for name in names:
        body = {"username": name, "email": f"{name}@lab.example", "password": "Correct-Horse-7", "roles": [*roles]}
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        assert page.request.post("/api/users", data=body, headers=headers).ok


def row(page, name):
    return page.get_by_role("row", name=re.compile(name))


def open_dialog(page, name, action):
    row(page, name).locator("summary").click()
    row(page, name).get_by_role("link", name=action, exact=True).click()
    return page.get_by_role("dialog")


def test_locking_changes_the_row_and_neither_reloads_nor_loses_the_place(admin_page):
    page = admin_page
    make_users(page, "dialog-one", "dialog-two")
    page.goto("/users?search=dialog-")
    page.evaluate("window.neverReloaded = true")
    dialog = open_dialog(page, "dialog-two", "Lock")
    expect(dialog).to_have_accessible_name("Lock dialog-two?")
    dialog.get_by_role("button", name="Lock dialog-two").click()
    expect_said(page, "User dialog-two locked.")
    expect(row(page, "dialog-two").get_by_text("Locked")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, "dialog-two").locator("summary")).to_be_focused()
    assert page.evaluate("window.neverReloaded")
    expect(page).to_have_url(re.compile(r"/users\?search=dialog-$"))
    open_dialog(page, "dialog-two", "Unlock").get_by_role("button", name="Unlock dialog-two").click()
    expect(row(page, "dialog-two").get_by_text("Active")).to_be_visible()


def test_a_refusal_stays_in_the_dialog(admin_page):
    page = admin_page
    page.expected_errors.append("422")
    make_users(page, "dialog-three")
    page.goto("/users?search=dialog-three")
    dialog = open_dialog(page, "dialog-three", "Reset password")
    dialog.get_by_label("Set a password now").check()
    dialog.get_by_label("New password").fill("short")
    expect(dialog.locator("li[data-met=true]")).to_have_count(1)
    dialog.get_by_role("button", name="Reset password").click()
    expect(dialog.get_by_text("Use at least 8 characters.", exact=True)).to_be_visible()
    expect(dialog.get_by_role("alert")).to_be_focused()
    dialog.get_by_label("New password").fill("Other-Horse-8")
    page.keyboard.press("Enter")
    expect_said(page, "must change it at the next sign-in")


def test_a_dialog_whose_server_is_gone_says_so_in_front(admin_page):
    page = admin_page
    page.expected_errors += ["ERR_FAILED", "htmx:sendError", "htmx:afterRequest"]
    make_users(page, "dialog-four")
    page.goto("/users?search=dialog-four")
    dialog = open_dialog(page, "dialog-four", "Deactivate")
    expect(dialog.get_by_role("heading")).to_be_visible()
    page.route("**/deactivate*", lambda route: route.abort())
    dialog.get_by_role("button", name="Deactivate dialog-four").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The server can't be reached.")
    dialog.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, "dialog-four").get_by_text("Active")).to_be_visible()


def test_what_was_deleted_leads_to_the_list(admin_page):
    page = admin_page
    make_users(page, "dialog-five")
    page.goto("/users?search=dialog-five")
    page.get_by_role("link", name="dialog-five", exact=True).click()
    page.wait_for_url(re.compile(r"/users/\d+(\?list=|$)"))
    page.get_by_role("main").locator("summary", has_text="More").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete dialog-five").click()
    page.wait_for_url("**/users")
    expect_said(page, "User dialog-five deleted.")


def test_with_a_key_held_the_link_is_a_page_in_another_tab(admin_page):
    page = admin_page
    make_users(page, "dialog-six")
    page.goto("/users?search=dialog-six")
    row(page, "dialog-six").locator("summary").click()
    with page.context.expect_page() as tab:
        page.get_by_role("link", name="Lock", exact=True).click(modifiers=["Control"])
    expect(tab.value.get_by_role("heading", name="Lock dialog-six?")).to_be_visible()
    expect(tab.value.get_by_role("link", name="Skip to content")).to_have_count(1)
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_all_who_match_are_selected_beyond_the_page(new_page, java_script):
    kind = "with" if java_script else "without"
    page = new_page(java_script_enabled=java_script)
    sign_in(page, to=None)
    make_users(page, *(f"many-{kind}-{number}" for number in range(12)))
    page.goto(f"/users?search=many-{kind}-&per_page=10")
    offer = page.get_by_label("Select all 12 users that match these filters")
    expect(offer).to_be_hidden()
    if java_script:
        page.get_by_label("Select all on this page").check()
        expect(page.get_by_text("10 selected")).to_be_visible()
    else:
        page.get_by_label(f"Select many-{kind}-").first.check()
    offer.check()
    if java_script:
        expect(page.get_by_text("12 selected")).to_be_visible()
        page.get_by_label(f"Select many-{kind}-").first.uncheck()
        expect(page.get_by_text("9 selected")).to_be_visible()
        expect(offer).to_be_hidden()
        page.get_by_label("Select all on this page").check()
        offer.check()
    page.locator("summary", has_text="More actions for the selected users").click()
    page.get_by_role("button", name="Deactivate", exact=True).click()
    expect(page.locator(".marks").get_by_text(f"Search: many-{kind}-")).to_be_visible()
    page.get_by_role("button", name="Deactivate 12 users").click()
    expect_said(page, "12 users deactivated.")
    expect(page).to_have_url(re.compile(f"search=many-{kind}-"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_no_dialog_has_a_barrier_nor_widens_the_page(new_page, scheme, width):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 844})
    page.expected_errors.append("422")
    sign_in(page, to=None)
    found = {}
    for path, open_it in OPENED.items():
        page.goto(path)
        open_it(page)
        expect(page.get_by_role("dialog")).to_be_visible()
        found[path] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.evaluate("document.getElementById('dialog').scrollWidth <= innerWidth"), path
    assert {path: texts for path, texts in found.items() if texts} == {}


def select_and_give(page):
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Assign role").click()
    page.get_by_role("button", name=re.compile("^Assign a role to")).click()
    # The browser asks for a role, and sends nothing.
    expect(page.locator("#dialog input:invalid").first).to_be_focused()


def clone_and_delete(page):
    page.get_by_role("link", name="Viewer", exact=True).click()
    page.wait_for_url(re.compile(r"/roles/\d+$"))
    page.get_by_role("link", name="Clone").click()
    page.get_by_label("Name", exact=True).fill(f"Copied at {page.viewport_size['width']}")
    page.get_by_role("button", name="Create role").click()
    # Before all of its scripts are there, the link leads to a page instead of opening a dialog.
    page.wait_for_url(re.compile(r"/roles/\d+$"))
    page.get_by_role("link", name="Delete").click()


def end_others(page):
    page.request.post("/api/auth/login", data={"username": ADMIN[0], "password": ADMIN[1]})
    page.reload()
    page.get_by_role("link", name="Sign out other sessions").click()


OPENED = {"/users": select_and_give, "/roles": clone_and_delete, "/profile/sessions": end_others}
