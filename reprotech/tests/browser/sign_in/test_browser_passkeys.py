"""Passkeys in a real browser, with the authenticator that Chromium itself imitates: set up, sign in, remove."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import expect_said
from reprotech.tests.support.browser_actions import give_password as send_password

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

PASSWORD = "Correct-Horse-7"


@pytest.fixture
def home(server):
    """The server's own address, which passkeys belong to."""
    return server.env["PUBLIC_URL"]


@pytest.fixture
def person(server, home, browser):
    """The name of a new Viewer."""
    context = browser.new_context(base_url=home)
    request = context.request
    login = request.post("/api/auth/login", data={"username": "admin", "password": "Admin123!"}).json()
    name = f"keys-{uuid4().hex[:8]}"
    body = {"username": name, "email": f"{name}@lab.example", "password": PASSWORD, "roles": ["Viewer"]}
    headers = {"Authorization": f"Bearer {login['access_token']}"}
    assert request.post("/api/users", data=body, headers=headers).status == 201
    context.close()
    return name


@pytest.fixture
def page(new_page, home):
    """A page that stays at that address."""
    return new_page(base_url=home)


def add_authenticator(page, **options):
    """Give the browser an authenticator, unlocked by its owner; returns how to talk to it."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **options,
    }
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return cdp, made["authenticatorId"]


def give_password(page, name):
    """The first step, from which it goes on to the first page or to the second step."""
    send_password(page, name, PASSWORD)
    page.wait_for_url(lambda url: not url.partition("?")[0].endswith("/login"))


def add_passkey(page, called="Laptop"):
    page.goto("/profile/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.wait_for_url("**/passkeys/new")
    page.get_by_label("Name").fill(called)
    page.get_by_role("button", name="Add passkey").click()


def save_codes(page):
    saved = page.get_by_role("button", name="I have saved these codes")
    expect(saved).to_be_disabled()
    page.get_by_label("I can find these codes without my phone").check()
    saved.click()


def sign_out(page):
    page.goto("/logout")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")


def set_up(page, name):
    """Sign in, add a passkey and sign out again; returns the recovery codes."""
    give_password(page, name)
    add_passkey(page)
    page.get_by_role("heading", name="Your recovery codes").wait_for()
    codes = page.locator(".recovery-codes code").all_inner_texts()
    save_codes(page)
    expect(page.get_by_role("main")).to_contain_text("Laptop")
    sign_out(page)
    return codes


def test_a_passkey_alone_opens_the_account(page, person):
    cdp, authenticator = add_authenticator(page)
    codes = set_up(page, person)
    assert len(set(codes)) == 10
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()
    page.goto("/profile/security")
    expect(page.get_by_role("main")).to_contain_text("Laptop")
    expect(page.get_by_role("main")).not_to_contain_text("Not used yet")
    (credential,) = cdp.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert credential["isResidentCredential"]
    assert credential["rpId"] == "localhost"
    assert person not in credential["userHandle"]


def test_a_passkey_is_the_second_step_after_the_password(page, person):
    add_authenticator(page)
    set_up(page, person)
    give_password(page, person)
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()  # it begins by itself


def test_a_passkey_that_does_not_answer_leaves_its_button_and_the_recovery_codes(page, person):
    cdp, authenticator = add_authenticator(page)
    codes = set_up(page, person)
    cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": authenticator})
    give_password(page, person)
    button = page.get_by_role("button", name="Use a passkey or security key")
    expect(button).to_be_focused()
    expect(page.locator("[data-passkey-error]")).to_be_hidden()
    expect(page.get_by_label("Recovery code")).to_be_hidden()
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0].lower())
    page.get_by_role("button", name="Sign in with this code").click()
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()


def test_recovery_codes_are_copied_and_downloaded(page, person, home):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=home)
    add_authenticator(page)
    give_password(page, person)
    add_passkey(page)
    saved = page.get_by_role("button", name="I have saved these codes")
    expect(saved).to_be_disabled()
    codes = page.locator(".recovery-codes code").all_inner_texts()
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download").click()
    text = downloaded.value.path().read_text()
    assert all(code in text for code in codes)
    assert downloaded.value.suggested_filename == f"recovery-codes-{person}.txt"
    expect(saved).to_be_enabled()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Codes copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == text


def test_a_security_key_that_unlocks_nothing_is_good_after_the_password_and_never_alone(page, person):
    add_authenticator(page, transport="usb", hasResidentKey=False, hasUserVerification=False, isUserVerified=False)
    set_up(page, person)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("That was cancelled, or took too long.").or_(page.get_by_text("did not work")).first.wait_for()
    give_password(page, person)
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()


def test_a_copied_key_is_noticed_by_its_count(page, person):
    page.expected_errors += ["422"]
    cdp, authenticator = add_authenticator(page)
    set_up(page, person)
    give_password(page, person)
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()
    sign_out(page)
    (copied,) = cdp.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    cdp.send("WebAuthn.removeCredential", {"authenticatorId": authenticator, "credentialId": copied["credentialId"]})
    copied["signCount"] = 0
    cdp.send("WebAuthn.addCredential", {"authenticatorId": authenticator, "credential": copied})
    give_password(page, person)
    page.get_by_text("The passkey was not accepted.").wait_for()


def test_an_answer_is_good_once_and_in_its_own_browser(page, person, home, new_page):
    page.expected_errors += ["422"]
    add_authenticator(page)
    set_up(page, person)
    sent = []
    page.on("request", lambda request: request.url.endswith("/login/passkey") and sent.append(request.post_data))
    before = page.context.cookies()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()
    with_challenge = [cookie for cookie in page.context.cookies() if cookie["name"] == "reprotech_csrf"]
    assert with_challenge
    assert before
    thief = new_page(base_url=home, java_script_enabled=False)
    thief.goto("/login")
    token = thief.locator("[name=csrfmiddlewaretoken]").first.input_value()
    body = re.sub("csrfmiddlewaretoken=[^&]*", f"csrfmiddlewaretoken={token}", sent[0])
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": home}
    answer = thief.context.request.post("/login/passkey", data=body, headers=headers)
    assert answer.url.endswith("/login")
    assert "That took too long." in answer.text()


def test_a_passkey_is_set_up_once_and_removed(page, person):
    add_authenticator(page)
    give_password(page, person)
    add_passkey(page)
    save_codes(page)
    expect(page.get_by_role("main")).to_contain_text("Laptop")
    add_passkey(page, called="Again")
    page.get_by_text("This passkey is set up already.").wait_for()
    page.goto("/profile/security")
    page.get_by_role("link", name="Remove Laptop").click()
    page.get_by_role("button", name="Remove").click()
    expect_said(page, "The passkey Laptop is removed.")
    sign_out(page)
    give_password(page, person)
    page.get_by_role("heading", name=re.compile("Hello")).wait_for()


def test_nothing_is_offered_where_the_browser_can_not(new_page, home, server):
    for page, place in ((new_page(java_script_enabled=False), home), (new_page(), server.url)):
        page.goto(f"{place}/login")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
