"""People's jobs in a real browser; a console error or a violation of the Content-Security-Policy fails them all."""

import re

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import give_password, sign_in


def sign_out(page):
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_someone_signs_in_sees_who_they_are_and_signs_out(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    give_password(page)
    page.wait_for_url(lambda url: "/login" not in url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello System Administrator")
    sign_out(page)
    expect(page.get_by_role("status")).to_contain_text("You are signed out.")
    page.goto("/")
    expect(page).to_have_url(re.compile("/login"))


def test_a_wrong_password_is_said_without_telling_which_part_was_wrong(page):
    page.expected_errors.append("422")
    give_password(page, "admin", "Wrong-Password-1")
    expect(page.get_by_role("alert")).to_have_text("Incorrect username or password.")
    expect(page.get_by_label("Username or e-mail")).to_have_value("admin")


def test_the_back_button_shows_nothing_after_signing_out(page):
    sign_in(page)
    sign_out(page)
    page.get_by_text("You are signed out.").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Sign in").wait_for()


def test_a_super_administrator_creates_a_user_in_the_admin(page):
    sign_in(page)
    page.get_by_role("link", name="Django admin").click()
    page.wait_for_url("**/admin/")
    page.goto("/admin/accounts/user/add/")
    page.get_by_label("Username").fill("from-the-admin")
    page.get_by_label("E-mail").fill("from-the-admin@lab.example")
    page.get_by_label("Password").fill("Correct-Horse-7")
    page.get_by_label("Viewer").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    page.goto("/admin/audit/auditlog/?q=from-the-admin")
    expect(page.locator("#result_list tbody tr").first.get_by_text("Create")).to_have_count(1)


def test_the_api_page_works_offline_under_the_strict_policy(page):
    foreign = []
    page.on("request", lambda request: None if "127.0.0.1" in request.url else foreign.append(request.url))
    page.goto("/api/docs")
    page.get_by_role("link", name="/api/auth/login", exact=True).wait_for()
    assert [url for url in foreign if not url.startswith("data:")] == []


@pytest.mark.parametrize("path", ["/login", "/", "/password", "/nothing-here"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_scrolls_sideways(new_page, path, width):
    page = new_page(viewport={"width": width, "height": 844})
    page.expected_errors.append("404")
    sign_in(page, to=path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
