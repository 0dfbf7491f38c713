"""Exploring the audit log: an event next to the list, a range by dragging, new events as they happen."""

import re

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import sign_in

# Pages are the same on every stack; test_browser.py and test_browser_users.py open theirs on both.
pytestmark = pytest.mark.only_on("postgresql")


def rows(page):
    return page.locator("#events tr[data-row]")


def fail_to_sign_in(new_page, username):
    page = new_page()
    page.expected_errors += ["401", "422"]
    page.goto("/login")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill("Wrong-Horse-7")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Incorrect username or password").wait_for()


def test_failed_sign_ins_of_the_last_day_are_two_clicks_away(new_page):
    fail_to_sign_in(new_page, "fails-today")
    page = new_page()
    sign_in(page)
    page.get_by_role("link", name="Audit log").click()
    page.get_by_role("link", name="Failed sign-ins, 24 h").click()
    page.wait_for_url("**/audit?action=login&outcome=failure&last=24h")
    expect(rows(page).first).to_contain_text("Signing in as fails-today failed")
    expect(page.get_by_role("link", name="24 h", exact=True)).to_have_attribute("aria-current", "true")


def test_an_event_opens_next_to_the_list_and_keys_walk_on(page):
    sign_in(page, to="/audit?action=create")
    rows(page).nth(0).locator(".event-address").click()
    panel = page.locator("#event-panel")
    title = panel.locator("#event-panel-title")
    expect(title).to_be_focused()
    first = title.inner_text()
    page.keyboard.press("j")
    expect(title).not_to_have_text(first)
    expect(rows(page).nth(1)).to_have_class(re.compile("is-open"))
    page.keyboard.press("k")
    expect(title).to_have_text(first)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(rows(page).nth(0).locator("a.row-link")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/audit\?action=create$"))


def test_on_a_phone_an_event_is_a_page(new_page):
    page = new_page(viewport={"width": 390, "height": 844})
    sign_in(page, to="/audit?action=create")
    rows(page).first.locator("a.row-link").click()
    page.wait_for_url(re.compile(r"/audit/\d+$"))


def test_dragging_over_the_histogram_chooses_a_range(page):
    sign_in(page, to="/audit?last=24h")
    box = page.locator(".histogram-bars").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 30, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"/audit\?from=.*&to="))
    expect(page.get_by_role("button", name="Live")).to_be_disabled()
    expect(rows(page).first).to_be_visible()


def test_new_events_appear_while_live_is_on(new_page):
    page = new_page()
    page.clock.install()
    sign_in(page, to="/audit?outcome=failure&last=24h")
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    fail_to_sign_in(new_page, "fails-live")
    page.clock.run_for(5000)
    expect(rows(page).first).to_contain_text("Signing in as fails-live failed")


def test_a_wrong_date_is_explained_once_and_the_list_stays(page):
    page.expected_errors.append("422")
    sign_in(page, to="/audit")
    page.get_by_text("Custom", exact=True).click()
    page.get_by_label("From").fill("yesterday")
    page.keyboard.press("Tab")
    message = page.get_by_text("Give a date or time such as")
    expect(message).to_have_count(1)
    expect(message).to_be_visible()
    expect(rows(page).first).to_be_visible()
    page.get_by_label("From").fill("2020-01-01")
    page.keyboard.press("Tab")
    page.wait_for_url("**/audit?from=2020-01-01")
    expect(message).to_have_count(0)
