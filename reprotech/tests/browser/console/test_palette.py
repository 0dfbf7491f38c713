"""The palette and the keys, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import sign_in

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")


def test_a_person_is_opened_by_name_from_anywhere(page):
    sign_in(page)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search everything")
    palette.locator("input").fill("system adm")
    expect(palette.get_by_role("option").first).to_contain_text("System Administrator")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="System Administrator").wait_for()
    # What was opened is offered first the next time.
    page.keyboard.press("/")
    recent = page.get_by_role("group", name="Recent")
    expect(recent.get_by_role("option")).to_contain_text("System Administrator")


def test_arrows_choose_and_escape_closes(page):
    sign_in(page, to="/users")
    page.get_by_role("link", name="Search", exact=True).click()
    field = page.locator("#palette input")
    expect(page.locator("#palette [role=option]").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    expect(field).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page).to_have_url(re.compile("/users$"))


def test_a_search_without_results_says_so(page):
    sign_in(page)
    page.keyboard.press("Control+k")
    # What may be searched further is offered, and nothing else.
    page.locator("#palette input").fill("nobody-of-this-name")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_have_text("Search the audit log for “nobody-of-this-name”")


@pytest.mark.parametrize(
    ("keys", "path"), [("gu", "/users"), ("gr", "/roles"), ("gp", "/permissions"), ("ga", "/audit")]
)
def test_two_keys_open_a_page(page, keys, path):
    sign_in(page)
    page.keyboard.type(keys)
    page.wait_for_url(re.compile(f"{path}$"))


def test_keys_are_text_in_a_field_and_do_nothing_once_turned_off(page):
    sign_in(page, to="/users")
    page.get_by_label("Search", exact=True).press_sequentially("gr?n")
    expect(page.get_by_label("Search", exact=True)).to_have_value("gr?n")
    page.goto("/users")
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    shortcuts.get_by_label("Use single keys").uncheck()
    shortcuts.get_by_role("button", name="Close").click()
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page).to_have_url(re.compile("/users$"))


def test_rows_are_walked_by_keys_and_the_page_has_keys_for_new_and_edit(page):
    sign_in(page, to="/users?search=admin")
    page.keyboard.press("j")
    expect(page.locator("a.row-link").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/users/\d+\?list=search"))
    page.keyboard.press("e")
    page.wait_for_url(re.compile(r"/users/\d+/edit"))
    page.goto("/users")
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/users/new$"))


def test_an_ended_session_says_so_in_the_palette(page):
    page.expected_errors.append("ERR_FAILED")
    sign_in(page)
    page.keyboard.press("Control+k")
    page.get_by_role("option").first.wait_for()
    page.context.clear_cookies()
    page.locator("#palette input").fill("anything")
    expect(page.get_by_role("dialog", name="Search everything").get_by_role("status")).to_contain_text(
        "can't be reached"
    )
