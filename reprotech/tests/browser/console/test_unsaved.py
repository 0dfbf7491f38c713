"""What is typed or ticked isn't lost: by a tab, by another page, or by a session that has ended meanwhile."""

import re

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import ADMIN, expect_said, sign_in

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")


def end_session(page):
    page.expected_errors.append("401")
    page.context.clear_cookies(name="reprotech_session")


def answer_with(page, accepts):
    """Answers the browser's questions; returns the list of those that were asked."""
    asked = []

    def answer(dialog):
        asked.append(dialog.message)
        (dialog.accept if accepts else dialog.dismiss)()

    page.on("dialog", answer)
    return asked


def test_ticked_roles_are_asked_about_before_another_tab_opens(page):
    sign_in(page)
    page.goto("/users?search=admin")
    page.get_by_role("link", name="System Administrator").click()
    page.get_by_role("link", name=re.compile(r"^Access( \d+)?$")).click()
    page.wait_for_url("**/access?*")
    asked = answer_with(page, accepts=False)
    box = page.get_by_role("checkbox", name=re.compile("^Viewer"))
    box.check()
    expect(page.get_by_role("button", name="Save roles")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(box).to_be_checked()
    assert len(asked) == 1
    box.uncheck()
    expect(page.get_by_role("button", name="Save roles")).to_have_count(0)
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("heading", name="Account").wait_for()
    assert len(asked) == 1, "what was taken back is nothing to lose"


def test_a_form_that_is_sent_as_a_page_asks_to_sign_in_again_and_is_sent(page):
    sign_in(page)
    page.goto("/profile/email")
    page.get_by_label("New e-mail address").fill("other-address@lab.example")
    end_session(page)
    page.get_by_role("button", name="Send link").click()
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog.get_by_label("Password", exact=True)).to_be_focused()
    expect(page.get_by_label("New e-mail address")).to_have_value("other-address@lab.example")
    dialog.get_by_label("Password", exact=True).fill(ADMIN[1])
    dialog.get_by_role("checkbox", name=re.compile("Keep me signed in")).check()
    dialog.get_by_role("button", name="Sign in").click()
    expect_said(page, re.compile("A link is on its way to other-address@lab.example"))
    cookie = next(one for one in page.context.cookies() if one["name"] == "reprotech_session")
    assert cookie["expires"] > 0, "it outlives the browser"
    page.get_by_role("button", name="Cancel the change").click()
