"""New passwords in a real browser: strength while one types, paste, a forgotten one by its mail."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import csrf_token, sign_in, wait_until

# What the browser does is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

LIBRARY = ("zxcvbn", "strength")
LONG = "Aa1-" + "long horse " * 20


@pytest.fixture
def password_page(new_page):
    """One's own password's page, and what was asked of the network since it opened."""
    page = new_page()
    sign_in(page, to=None)
    asked = []
    page.on("request", lambda request: asked.append((request.method, request.url)))
    page.goto("/password")
    page.get_by_role("heading", name="Change your password").wait_for()
    return page, asked


def new_password(page):
    return page.get_by_label("New password", exact=True)


def meter(page):
    return page.get_by_role("meter", name="Strength")


def test_the_estimate_comes_when_somebody_starts_and_nothing_typed_leaves_the_browser(password_page):
    page, asked = password_page
    assert not [url for _, url in asked if any(name in url for name in LIBRARY)]
    new_password(page).focus()
    new_password(page).press_sequentially("Winter2025!")
    expect(meter(page)).to_have_attribute("aria-valuetext", re.compile("Very weak|Weak|Rather weak"))
    expect(page.locator("[data-strength-text]")).to_contain_text("a stranger's computer guesses it in")
    loaded = [url for _, url in asked if any(name in url for name in LIBRARY)]
    assert len(loaded) == 3
    assert {method for method, _ in asked} == {"GET"}
    new_password(page).fill("")
    expect(meter(page)).to_be_hidden()


@pytest.mark.parametrize(
    ("password", "label", "told"),
    [
        ("Password1!", "Weak", "It is close to a password that many people have. Add a word or two"),
        ("System-Winter-2025!", None, "It contains a name of the account"),
        ("purple Tractor sings 7 operas-at-dawn", "Strong", "no stranger's computer guesses it within a century."),
        (LONG, "Strong", "century"),
    ],
)
def test_it_says_in_words_how_strong_a_password_is(password_page, password, label, told):
    page, _ = password_page
    new_password(page).fill(password)
    text = page.locator("[data-strength-text]")
    expect(text).to_contain_text(told)
    expect(text).to_have_attribute("aria-live", "polite")
    if label:
        expect(meter(page)).to_have_attribute("aria-valuetext", label)
        expect(text).to_contain_text(f"{label}: ")


def test_for_a_new_user_it_knows_the_names_that_are_typed_beside_it(new_page):
    page = new_page()
    sign_in(page, to="/users/new")
    page.get_by_label("First name").fill("Philippa")
    page.get_by_label("Set a password now").check()
    page.get_by_label("Password", exact=True).fill("philippa-Sings-42")
    expect(page.locator("[data-strength-text]")).to_contain_text("It contains a name of the account")


def test_it_works_in_a_dialog_and_knows_whose_password_it_is(new_page):
    page = new_page()
    sign_in(page, to=None)
    token = csrf_token(page)
    person = {"username": "strong.one", "email": "strong.one@lab.example", "password": "Correct-Horse-7"}
    made = page.request.post("/api/users", data=person, headers={"X-CSRFToken": token}).json()["user"]
    page.goto(f"/users/{made['id']}")
    page.locator("main details.menu summary").first.click()
    page.get_by_role("link", name="Reset password").click()
    dialog = page.locator("dialog")
    dialog.get_by_label("Set a password now").check()
    dialog.get_by_label("New password").fill("Strong.one-2030!")
    expect(dialog.locator("[data-strength-text]")).to_contain_text("It contains a name of the account")


def test_a_long_password_is_pasted_whole(password_page):
    page, _ = password_page
    for name in ("New password", "Repeat the new password"):
        field = page.get_by_label(name, exact=True)
        field.focus()
        page.keyboard.insert_text(LONG * 4)  # as a paste or a password manager puts it in
        expect(field).to_have_value(LONG * 4)


def test_without_the_library_the_form_works_all_the_same(password_page):
    page, _ = password_page
    page.expected_errors += ["net::ERR_FAILED"]
    page.route("**/vendor/zxcvbn*", lambda route: route.abort())
    new_password(page).fill("Winter-Tractor-2025!")
    expect(page.get_by_text("5 of 5 met")).to_be_attached()
    expect(page.locator(".strength")).to_have_class("strength")
    expect(meter(page)).to_be_hidden()


def mailed_links(server, path):
    """The links of mails that the server's console shows, to whomever."""
    return re.findall(rf"(/{path}/[\w-]+/[\w-]+)", Path(server.log).read_text(errors="replace"))


def test_a_forgotten_password_is_replaced_by_the_mail_alone(server, new_page):
    admin = new_page()
    sign_in(admin, to=None)
    token = csrf_token(admin)
    person = {"username": "forgetful", "email": "forgetful@lab.example", "password": "Correct-Horse-7"}
    assert admin.request.post("/api/users", data=person, headers={"X-CSRFToken": token}).status == 201
    page = new_page(java_script_enabled=False)
    page.goto("/login")
    page.get_by_role("link", name="Forgot password?").click()
    page.get_by_label("Username or e-mail").fill("forgetful@lab.example")
    earlier = len(mailed_links(server, "set-password"))
    page.get_by_role("button", name="Send link").click()
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    for _ in range(600):
        if len(mailed_links(server, "set-password")) > earlier:
            break
        page.wait_for_timeout(50)
    page.goto(mailed_links(server, "set-password")[-1])
    expect(page).to_have_url(re.compile("/set-password$"))
    page.get_by_label("New password", exact=True).fill("Brand-New-Horse-8")
    page.get_by_label("Repeat the new password").fill("Brand-New-Horse-8")
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "forgetful", "Brand-New-Horse-8")
    expect(page.get_by_role("heading", name="Hello")).to_be_visible()


def test_the_rules_are_told_to_who_listens_as_before(password_page):
    page, _ = password_page
    new_password(page).fill("Ab1")
    wait_until(page, "document.querySelector('[data-rules-met]').textContent === '3 of 5 met'")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_one_goes_for_the_button(password_page, width):
    """A button that moves away between press and release of the pointer isn't pressed."""
    page, _ = password_page
    page.set_viewport_size({"width": width, "height": 844})
    button = page.get_by_role("main").get_by_role("button", name="Change password", exact=True)
    text = page.locator("[data-strength-text]")
    # Nothing is reserved while nothing is typed; from the first letter on nothing moves.
    new_password(page).focus()
    expect(page.locator(".strength")).to_have_class("strength")
    new_password(page).press("a")
    before = button.bounding_box()
    for password, told in (
        ("admin-1aA", "It contains a name of the account, which is tried first. Add a word or two"),
        ("purple Tractor sings 7 operas-at-dawn", "Strong: "),
        ("", ""),
    ):
        new_password(page).fill(password)
        expect(text).to_contain_text(told) if told else expect(text).to_be_empty()
        assert button.bounding_box() == before, text.text_content()
