"""An inspector at work: keeps a view, has the log verified, makes a report, takes an event along with its proof."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import sign_in

# Pages are the same on every stack; test_browser.py and test_browser_users.py open theirs on both.
pytestmark = pytest.mark.only_on("postgresql")

ROOT = Path(__file__).resolve().parents[3]
both = pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])


def is_proven(path):
    """Whether the export proves what it holds, as far as the file itself can tell."""
    command = [sys.executable, "-I", str(ROOT / "scripts" / "verify-export"), str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def wait_for(page, what, reload):
    """Until the page shows it; without JavaScript somebody has to reload it."""
    for _ in range(60):
        if what.count():
            return
        page.wait_for_timeout(1000)
        if reload:
            page.reload()
    pytest.fail(f"The page never showed {what}.")


@both
def test_a_view_is_kept_and_removed(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    name = f"Sign-ins {java_script}"
    sign_in(page, to="/audit?action=login")
    page.get_by_text("Save view").click()
    page.get_by_label("Name of the view").fill(name)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("status").get_by_text(f"View {name} saved.").wait_for()
    page.goto("/audit")
    page.get_by_role("link", name=name).click()
    page.wait_for_url("**/audit?action=login")
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    page.get_by_role("button", name=f"Remove the view {name}").click()
    page.get_by_role("status").get_by_text("View removed. The events stay.").wait_for()
    expect(page.get_by_role("link", name=name)).to_have_count(0)


@both
def test_the_log_is_verified_when_one_asks(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    sign_in(page, to="/audit")
    verified = page.get_by_text("Verified up to")
    wait_for(page, page.get_by_text("Sealed up to").or_(verified), reload=True)
    button = page.get_by_role("button", name="Verify now")
    wait_for(page, button, reload=True)  # it isn't there while the log is being verified
    with page.expect_navigation():
        button.click()
    wait_for(page, verified, reload=not java_script)


@both
def test_an_event_is_taken_along_with_its_proof_and_the_report_with_its_checkpoint(new_page, java_script):
    page = new_page(java_script_enabled=java_script)
    sign_in(page, to="/audit?action=create")
    page.locator(".events a.row-link").last.click()
    if java_script:  # first next to the list
        page.get_by_role("link", name="Open page").click()
    page.wait_for_url(re.compile(r"/audit/\d+$"))
    wait_for(page, page.get_by_role("link", name="Download proof"), reload=True)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download proof").click()
    assert is_proven(download.value.path())
    page.goto("/audit?action=login")
    page.get_by_role("link", name="Report").click()
    page.get_by_role("link", name="Last 24 hours").click()
    page.get_by_role("heading", name="Audit report").wait_for()
    expect(page.get_by_label("Signed note")).to_contain_text("/audit")
    expect(page.get_by_role("button", name="Print")).to_be_visible(visible=java_script)
