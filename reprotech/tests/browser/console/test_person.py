"""A person's page in a real browser: tabs, copying, roles in place, and what takes few clicks."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import csrf_token, expect_said, sign_in

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def admin(new_page):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    sign_in(page, to=None)
    return page


@pytest.fixture
def person(admin):
    """The username and the address of the page of a person with one role."""
    name = f"tabs-{uuid4().hex[:8]}"
    token = csrf_token(admin)
    fields = {"username": name, "email": f"{name}@lab.example", "password": "Correct-Horse-7", "roles": ["viewer"]}
    made = admin.request.post("/api/users", data=fields, headers={"X-CSRFToken": token})
    return name, f"/users/{made.json()['user']['id']}"


def test_what_ends_in_three_days_is_said_to_end_in_three_days(admin):
    name = f"invited-{uuid4().hex[:8]}"
    token = csrf_token(admin)
    fields = {"username": name, "email": f"{name}@lab.example", "roles": ["viewer"]}
    made = admin.request.post("/api/users", data=fields, headers={"X-CSRFToken": token})
    admin.goto(f"/users/{made.json()['user']['id']}")
    expect(admin.get_by_text("expires in 3 days")).to_be_visible()


def test_a_tab_opens_where_one_is_and_back_undoes_it(admin, person):
    _, path = person
    admin.goto(path)
    admin.evaluate("window.stays = true")
    tab = admin.get_by_role("link", name=re.compile(r"^Access( \d+)?$"))
    tab.focus()
    admin.keyboard.press("Enter")
    admin.wait_for_url(f"**{path}/access")
    expect(tab).to_have_attribute("aria-current", "page")
    expect(tab).to_be_focused()
    assert admin.evaluate("window.stays"), "the page was not loaded again"
    admin.go_back()
    expect(admin.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    expect(admin.get_by_role("heading", name="Account")).to_be_visible()


def test_a_ticked_role_shows_what_it_gives_before_it_is_saved_and_undo_takes_it_again(admin, person):
    name, path = person
    admin.goto(f"{path}/access")
    box = admin.get_by_role("checkbox", name=re.compile("^Researcher"))
    box.check()
    expect(admin.get_by_text(re.compile(r"Gains \d+ permissions: .*sample_update"))).to_be_visible()
    expect(box).to_be_focused()
    box.uncheck()
    expect(admin.get_by_role("button", name="Save roles")).to_have_count(0)
    box.check()
    admin.get_by_role("button", name="Save roles").click()
    expect_said(admin, f"Researcher assigned to {name}.")
    admin.get_by_role("button", name="Undo").click()
    expect_said(admin, f"Researcher removed from {name}.")
    expect(box).not_to_be_checked()


def test_roles_are_changed_without_java_script(new_page, person):
    name, path = person
    page = new_page(java_script_enabled=False)
    sign_in(page, to=path)
    page.get_by_role("link", name=re.compile(r"^Access( \d+)?$")).click()
    page.get_by_role("checkbox", name=re.compile("^Researcher")).check()
    page.get_by_role("button", name="Review changes").click()
    expect(page.get_by_text(re.compile(r"Gains \d+ permissions"))).to_be_visible()
    page.get_by_role("button", name="Save roles").click()
    expect_said(page, f"Researcher assigned to {name}.")
    expect(page.get_by_role("button", name="Copy username")).to_be_hidden()


def test_a_username_is_copied_or_else_selected(admin, person):
    name, path = person
    admin.goto(path)
    button = admin.get_by_role("button", name="Copy username")
    button.click()
    expect(admin.get_by_role("button", name="Copied")).to_be_visible()
    assert admin.evaluate("navigator.clipboard.readText()") == name
    # As on a page that isn't served over https.
    admin.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    admin.get_by_role("button", name="Copy e-mail address").click()
    assert admin.evaluate("getSelection().toString()") == f"{name}@lab.example"


def test_on_the_phone_the_open_tab_is_in_sight(new_page, person):
    _, path = person
    page = new_page(viewport={"width": 390, "height": 844})
    sign_in(page, to=f"{path}/activity")
    expect(page.get_by_role("link", name="Activity")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_j_and_k_walk_the_people_of_the_list_and_the_tab_stays(admin):
    token = next(cookie["value"] for cookie in admin.context.cookies() if cookie["name"] == "reprotech_csrf")
    prefix = f"walk-{uuid4().hex[:8]}"
    for number in range(3):
        fields = {"username": f"{prefix}-{number}", "email": f"{prefix}-{number}@lab.example", "roles": ["viewer"]}
        admin.request.post("/api/users", data=fields, headers={"X-CSRFToken": token})
    admin.goto(f"/users?search={prefix}&sort=-username")
    admin.get_by_role("link", name=f"{prefix}-2").click()
    admin.get_by_role("link", name=re.compile(r"^Access( \d+)?$")).click()
    admin.wait_for_url("**/access?*")
    heading = admin.get_by_role("heading", level=1)
    for key, number in (("j", 1), ("j", 0), ("k", 1)):
        admin.keyboard.press(key)
        expect(heading).to_have_text(f"{prefix}-{number}")
        admin.wait_for_load_state()
    expect(admin.get_by_role("link", name=re.compile(r"^Access( \d+)?$"))).to_have_attribute("aria-current", "page")
    admin.get_by_role("link", name=re.compile("^2 of 3")).click()
    expect(admin.locator("tr[data-row]")).to_have_count(3)
