"""Menus, the drawer and dialogs by keyboard alone: they open, lead through, close, and give the focus back."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import ADMIN

# What the browser does is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")


@pytest.fixture
def users(new_page):
    """The list of users, as the administrator sees it; call it with the window's width."""

    def open_list(width=1440):
        page = new_page(viewport={"width": width, "height": 844})
        page.goto("/login")
        page.get_by_label("Username or e-mail").fill(ADMIN[0])
        page.get_by_label("Password", exact=True).fill(ADMIN[1])
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto("/users")
        return page

    return open_list


def tab_to(page, locator, most=60):
    """Press Tab until the element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if locator.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab doesn't lead to {locator}")


def has_visible_focus(page):
    return page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def make_user(page, username):
    token = page.request.post("/api/auth/login", data={"username": ADMIN[0], "password": ADMIN[1]}).json()
    body = {"username": username, "email": f"{username}@lab.example", "password": "Correct-Horse-7"}
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert page.request.post("/api/users", data=body, headers=headers).ok


@pytest.mark.parametrize("menu", [".account-menu", "tbody details.menu"])
def test_a_menu_is_walked_with_arrows_and_closed_with_escape(users, menu):
    page = users()
    name = f"keyboarder-{uuid4().hex[:8]}"
    make_user(page, name)
    page.goto(f"/users?search={name}")
    summary = page.locator(menu).first.locator("summary")
    tab_to(page, summary)
    assert has_visible_focus(page)
    page.keyboard.press("ArrowDown")
    items = page.locator(menu).first.locator(".menu-items :is(a, button)")
    expect(items.first).to_be_focused()
    assert has_visible_focus(page)
    page.keyboard.press("End")
    expect(items.last).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(items.last).to_be_focused()
    page.keyboard.press("Home")
    expect(items.first).to_be_focused()
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    expect(items.first).to_be_hidden()


def test_a_menu_closes_when_tab_leaves_it(users):
    page = users()
    menu = page.locator(".account-menu")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    items = menu.locator(".menu-items :is(a, button)")
    expect(items.last).to_be_visible()
    for item in items.all():
        page.keyboard.press("Tab")
        expect(item).to_be_focused()
    expect(items.last).to_have_text("Sign out")
    page.keyboard.press("Tab")
    expect(menu.locator(".menu-items")).to_be_hidden()


def test_the_drawer_of_the_phone_takes_the_focus_and_gives_it_back(users):
    page = users(390)
    button = page.get_by_role("button", name="Menu", exact=True)
    drawer = page.locator("#sidebar")
    tab_to(page, button)
    page.keyboard.press("Enter")
    expect(drawer.get_by_role("button", name="Close the menu")).to_be_focused()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(drawer.get_by_role("button", name="Close the menu")).to_be_focused()
    tab_to(page, drawer.get_by_role("link", name="Roles"))
    assert has_visible_focus(page)
    page.keyboard.press("Enter")
    page.wait_for_url("**/roles")


def test_the_close_button_of_the_drawer_closes_it(users):
    page = users(390)
    page.get_by_role("button", name="Menu", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close the menu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#sidebar")).to_be_hidden()


def test_a_dialog_keeps_the_focus_and_gives_it_back(users):
    page = users()
    page.goto("/profile/sessions")
    page.request.post("/api/auth/login", data={"username": ADMIN[0], "password": ADMIN[1]})
    page.reload()
    link = page.get_by_role("link", name="Sign out other sessions")
    tab_to(page, link)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sign out your other sessions?")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    assert has_visible_focus(page)
    seen = set()
    for _ in range(6):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.closest('main') !== null"))
    assert seen == {False}
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
