"""In a browser: the password that is asked for in the midst of something, and what is left after signing out."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.testing.browser import CHROMIUM_ARGUMENTS, chromium_program
from reprotech.testing.commands import manage
from reprotech.tests.browser.test_accessibility import violations
from reprotech.tests.support.browser_actions import ADMIN, sign_in

# Pages are the same on every stack; test_browser.py and test_browser_users.py open theirs on both.
pytestmark = pytest.mark.only_on("postgresql")

ROOT = Path(__file__).resolve().parents[4]
FORGET = """
from django.db import transaction
from accounts import session_cache
from accounts.models import Session, User
with transaction.atomic():
    session_cache.invalidate_users(User.objects.values_list("pk", flat=True))
    Session.objects.update(confirmed_at=None)
"""


@pytest.fixture
def forget(server):
    """Call it to let everybody's password have been typed long ago."""

    def call():
        assert manage("shell", "-c", FORGET, env=server.env, cwd=server.log.parent).returncode == 0

    return call


@pytest.fixture
def person(new_page):
    """The name and page of a Viewer."""
    request, name = new_page().request, f"person-{uuid4().hex[:8]}"
    token = request.post("/api/auth/login", data={"username": ADMIN[0], "password": ADMIN[1]}).json()["access_token"]
    body = {"username": name, "email": f"{name}@lab.example", "password": "Correct-Horse-7", "roles": ["viewer"]}
    made = request.post("/api/users", data=body, headers={"Authorization": f"Bearer {token}"})
    return name, f"/users/{made.json()['user']['id']}"


def confirm(place, button="Continue"):
    place.get_by_label("Password", exact=True).fill(ADMIN[1])
    place.get_by_role("button", name=button).click()


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_form_asks_for_the_password_and_is_saved_as_it_was_typed(new_page, person, forget, java_script):
    name, path = person
    page = new_page(java_script_enabled=java_script)
    page.expected_errors.append("422")
    sign_in(page, to=f"{path}/edit")
    page.get_by_label("First name").fill("Ada “Äpfel” <b>")
    page.get_by_role("checkbox", name=re.compile("^Manager")).check()
    forget()
    page.get_by_role("button", name="Save user").click()
    main = page.get_by_role("dialog") if java_script else page.get_by_role("main")
    expect(main.get_by_role("heading", name="Confirm your password")).to_be_visible()
    expect(main.get_by_label("Password", exact=True)).to_be_focused()
    if java_script:
        assert violations(page) == []
    main.get_by_label("Password", exact=True).fill("Wrong-Horse-7")
    main.get_by_role("button", name="Continue").click()
    expect(main.get_by_text("This is not your current password.").last).to_be_visible()
    confirm(main)
    expect(page.get_by_text(f"User {name} saved.").first).to_be_visible()
    page.goto(f"{path}/edit")
    expect(page.get_by_label("First name")).to_have_value("Ada “Äpfel” <b>")
    expect(page.get_by_role("checkbox", name=re.compile("^Manager"))).to_be_checked()


def test_a_dialog_asks_for_the_password_and_goes_on_by_the_keyboard_alone(new_page, person, forget):
    name, _ = person
    page = new_page()
    page.expected_errors.append("422")
    sign_in(page, to=f"/users?search={name}")
    row = page.get_by_role("row", name=re.compile(name))
    row.locator("summary").click()
    row.get_by_role("link", name="Reset password", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Set a password now").check()
    dialog.get_by_label("New password").fill("Other-Horse-8")
    forget()
    page.keyboard.press("Enter")
    expect(dialog).to_have_accessible_name("Confirm your password")
    expect(dialog.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(ADMIN[1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").get_by_text(f"{name} has a new password")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"/users\?search={name}$"))
    sign_in(new_page(), name, "Other-Horse-8", to=None)


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_file_comes_after_the_password_and_the_page_says_so(new_page, forget, java_script):
    page = new_page(java_script_enabled=java_script)
    sign_in(page)
    forget()
    page.goto("/users/export?status=active")
    with page.expect_download() as download:
        confirm(page, "Continue")
    assert download.value.suggested_filename.startswith("users-")
    expect(page.get_by_role("heading", name="Your file is on its way")).to_be_visible()
    page.get_by_role("link", name="Back to the list").click()
    page.wait_for_url("**/users")


def test_the_admin_site_asks_for_the_password_and_goes_on(new_page, person, forget):
    _, path = person
    page = new_page()
    page.expected_errors.append("422")
    sign_in(page, to=f"/admin/accounts/user/{path.rpartition('/')[2]}/change/")
    page.get_by_role("checkbox", name=re.compile("^Manager")).check()
    forget()
    page.get_by_role("button", name="Save", exact=True).click()
    confirm(page.get_by_role("main"))
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto(path)
    expect(page.get_by_role("main").get_by_text("Manager").first).to_be_visible()


@pytest.fixture
def keeping_browser(browser):
    """Chromium as people have it: it keeps whole pages for the Back button, which Playwright's does not."""
    kept = browser.browser_type.launch(
        executable_path=chromium_program(),
        args=CHROMIUM_ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield kept
    kept.close()


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_back_button_shows_nothing_private_after_signing_out(keeping_browser, server, java_script):
    page = keeping_browser.new_context(base_url=server.url, java_script_enabled=java_script).new_page()
    sign_in(page)
    for path in ("/users", "/profile", "/audit"):
        page.goto(path)
    page.goto("/logout")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    for _ in range(4):
        page.go_back(wait_until="commit")
        expect(page.get_by_role("heading", name=re.compile("^Sign in$"))).to_be_visible()
        expect(page.get_by_text(f"{ADMIN[0]}@")).to_have_count(0)


def test_whoever_signs_out_everywhere_is_out_in_the_other_browser_too(new_page):
    here, there = new_page(), new_page()
    sign_in(there, to=None)
    sign_in(here, to="/profile/sessions")
    here.get_by_role("link", name="Sign out other sessions").click()
    dialog = here.get_by_role("dialog")
    dialog.get_by_label("Sign out here too").check()
    dialog.get_by_role("button", name="Sign out other sessions").click()
    here.wait_for_url("**/login")
    expect(here.get_by_text("You are signed out everywhere.")).to_be_visible()
    there.goto("/profile")
    expect(there.get_by_text("Your session has ended. Sign in to continue.")).to_be_visible()


def test_a_dashboard_that_stands_open_does_not_keep_its_session_alive(new_page):
    page = new_page()
    sign_in(page)
    with page.expect_request(lambda request: request.headers.get("hx-trigger") == "dashboard") as poll:
        pass
    assert poll.value.headers["x-unattended"] == "true"
    with page.expect_request(lambda request: request.is_navigation_request() and "days=7" in request.url) as click:
        page.get_by_role("link", name="7 days").click()
    assert "x-unattended" not in click.value.headers
