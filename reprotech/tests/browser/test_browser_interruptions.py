"""The network goes or the session ends while one types into a form: one is told, loses nothing and tries again."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import ADMIN, csrf_token, give_password, sign_in

# What a browser and the pages do about it is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

OTHER = "Other-Horse-8"


class NewUser:
    path, button = "/users/new", "Create user"

    def __init__(self):
        self.name = f"cut-off-{uuid4().hex[:8]}"
        self.done = f"User {self.name} created."

    def fill(self, page):
        page.get_by_label("Username", exact=True).fill(self.name)
        page.get_by_label("E-mail", exact=True).fill(f"{self.name}@lab.example")
        page.get_by_role("checkbox", name=re.compile("^Viewer")).check()

    def check(self, page):
        expect(page.get_by_label("Username", exact=True)).to_have_value(self.name)
        expect(page.get_by_role("checkbox", name=re.compile("^Viewer"))).to_be_checked()


class NewRole:
    path, button = "/roles/new", "Create role"

    def __init__(self):
        self.name = f"Cut off {uuid4().hex[:8]}"
        self.done = f"Role {self.name} created."

    def fill(self, page):
        page.get_by_label("Name", exact=True).fill(self.name)
        page.get_by_role("checkbox", name="user: read", exact=True).check()

    def check(self, page):
        expect(page.get_by_label("Name", exact=True)).to_have_value(self.name)
        expect(page.get_by_role("checkbox", name="user: read", exact=True)).to_be_checked()


class OwnPassword:
    path, button, done = "/password", "Change password", "Password changed."

    def fill(self, page):
        page.get_by_label("Current password", exact=True).fill(ADMIN[1])
        page.get_by_label("New password", exact=True).fill(OTHER)
        page.get_by_label("Repeat the new password", exact=True).fill(OTHER)

    def check(self, page):
        expect(page.get_by_label("New password", exact=True)).to_have_value(OTHER)


FORMS = pytest.mark.parametrize("form", [NewUser, NewRole])


def press(page, form):
    page.get_by_role("main").get_by_role("button", name=form.button, exact=True).click()


@pytest.fixture
def typed(page):
    """Signs in, opens a form and fills it."""

    def fill(form):
        page.expected_errors += ["401", "net::ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"]
        sign_in(page, to=form.path)
        form.fill(page)
        # What the page asks for by itself, such as the summary of a role's changes, has its answer.
        page.wait_for_timeout(500)
        page.wait_for_load_state("networkidle")
        return page

    return fill


@FORMS
def test_without_a_network_the_form_waits(typed, form):
    form = form()
    page = typed(form)
    page.context.set_offline(True)
    press(page, form)
    page.get_by_text("The server can't be reached. What you typed is still here").first.wait_for()
    form.check(page)
    page.context.set_offline(False)
    press(page, form)
    page.get_by_text(form.done).wait_for()


@FORMS
@pytest.mark.parametrize("gone", ["reprotech_session", None], ids=["session", "all cookies"])
def test_after_the_session_ended_one_signs_in_over_the_page_and_goes_on(typed, form, gone):
    form = form()
    page = typed(form)
    page.context.clear_cookies(**({"name": gone} if gone else {}))
    press(page, form)
    page.expected_errors.append("422")
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog.get_by_label("Username or e-mail")).to_have_value(ADMIN[0])
    expect(dialog.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type("Wrong-Horse-7")
    page.keyboard.press("Enter")
    dialog.get_by_text("Incorrect username or password.").wait_for()
    dialog.get_by_label("Password", exact=True).fill(ADMIN[1])
    page.keyboard.press("Enter")
    page.get_by_text(form.done).wait_for()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_one_may_cancel_and_sign_in_in_another_tab(typed):
    form = NewUser()
    page = typed(form)
    page.context.clear_cookies(name="reprotech_session")
    press(page, form)
    dialog = page.get_by_role("dialog", name="Sign in again")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    form.check(page)
    other = page.context.new_page()
    give_password(other)
    other.wait_for_url(lambda url: "/login" not in url)
    other.close()
    press(page, form)
    page.get_by_text(form.done).wait_for()


def test_what_one_typed_is_not_sent_by_another(typed, server):
    form = NewUser()
    page = typed(form)
    page.expected_errors.append("409")
    token = csrf_token(page)
    name = f"else-{uuid4().hex[:8]}"
    person = {"username": name, "email": f"{name}@lab.example", "password": OTHER, "roles": ["Administrator"]}
    assert page.request.post("/api/users", data=person, headers={"X-CSRFToken": token}).status == 201
    page.context.clear_cookies(name="reprotech_session")
    press(page, form)
    dialog = page.get_by_role("dialog", name="Sign in again")
    # The page fills its reader's name in.
    expect(dialog.get_by_label("Username or e-mail")).not_to_have_value("")
    dialog.get_by_label("Username or e-mail").fill(name)
    dialog.get_by_label("Password", exact=True).fill(OTHER)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=f"You are signed in as {name}")
    dialog.get_by_role("button", name="Stay here").click()
    press(page, form)
    page.get_by_text("this page was opened by someone else. Nothing was changed").wait_for()
    form.check(page)
    answer = page.request.get(f"/api/users?search={form.name}").json()
    assert answer["total"] == 0


def test_nor_is_a_new_password_lost(typed):
    form = OwnPassword()
    page = typed(form)
    page.context.set_offline(True)
    press(page, form)
    page.get_by_text("The server can't be reached.").first.wait_for()
    form.check(page)
    page.context.set_offline(False)
    page.expected_errors.append("422")
    page.get_by_label("Current password", exact=True).fill("Wrong-Horse-1")
    press(page, form)
    page.get_by_text("This is not your current password.").last.wait_for()
    expect(page).to_have_url(re.compile("/password$"))


def test_errors_come_back_into_the_page_and_the_back_button_leads_out_of_the_form(page):
    page.expected_errors.append("422")
    sign_in(page)
    page.goto("/users/new")
    page.get_by_label("Username", exact=True).fill("ab")
    page.get_by_role("button", name="Create user").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("2 things to correct")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="E-mail: Enter the e-mail address.").click()
    expect(page.get_by_label("E-mail", exact=True)).to_be_focused()
    expect(page.get_by_label("Username", exact=True)).to_have_value("ab")
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.locator("main h1")).to_have_count(1)
    page.go_back()
    page.get_by_role("heading", name="Hello").wait_for()


def test_a_changed_form_is_not_left_without_a_question(page):
    asked = []
    sign_in(page, to="/users/new")
    page.get_by_label("Username", exact=True).fill("half-typed")
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Roles", exact=True).click()
    expect(page.get_by_label("Username", exact=True)).to_have_value("half-typed")
    assert asked == ["beforeunload"]
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Roles", exact=True).click()
    page.wait_for_url("**/roles")


def test_a_saved_form_is_left_without_a_question(page):
    sign_in(page, to=None)
    page.on("dialog", lambda dialog: pytest.fail(f"asked: {dialog.message}"))
    page.goto("/roles/new")
    page.get_by_label("Name", exact=True).fill("Saved without a question")
    page.get_by_role("button", name="Create role").click()
    page.get_by_role("heading", name="Saved without a question").wait_for()
