"""Making and revoking API keys in a browser, with JavaScript and without."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import expect_said, sign_in

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

TEXT = re.compile(r"^rpt_[0-9a-f]{12}_[0-9a-f]{64}$")


@pytest.fixture
def make_key(new_page):
    """Sign in, and make a key of this name."""

    def make(name, **options):
        page = new_page(**options)
        sign_in(page, to="/profile/keys")
        page.get_by_role("link", name="New key").click()
        page.get_by_label("Name").fill(name)
        page.get_by_role("checkbox", name="user: read", exact=True).check()
        page.get_by_role("button", name="Create key").click()
        expect(page.get_by_role("textbox", name="Key", exact=True)).to_have_value(TEXT)
        return page

    return make


def test_a_key_is_made_copied_and_revoked_in_a_dialog(make_key, server):
    name = f"Scale {uuid4().hex[:8]}"
    page = make_key(name, permissions=["clipboard-read", "clipboard-write"])
    text = page.get_by_role("textbox", name="Key", exact=True).input_value()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/profile/keys")
    headers = {"Authorization": f"Bearer {text}"}
    assert page.request.get("/api/users", headers=headers).status == 200
    assert page.request.get("/api/roles", headers=headers).status == 403
    page.locator("summary").filter(has_text=f"Actions for {name}").click()
    page.get_by_role("link", name=f"Revoke {name}").click()
    page.locator("dialog[open]").get_by_role("button", name="Revoke key").click()
    expect_said(page, f"API key {name} revoked.")
    expect(page.get_by_role("link", name=f"Revoke {name}")).to_have_count(0)
    assert page.request.get("/api/users", headers=headers).status == 401


def test_a_key_is_made_and_revoked_without_java_script(make_key):
    name = f"Scale {uuid4().hex[:8]}"
    page = make_key(name, java_script_enabled=False)
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/profile/keys")
    page.locator("summary").filter(has_text=f"Actions for {name}").click()
    page.get_by_role("link", name=f"Revoke {name}").click()
    page.get_by_role("button", name="Revoke key").click()
    expect_said(page, f"API key {name} revoked.")
    expect(page.get_by_role("link", name=f"Revoke {name}")).to_have_count(0)
