"""An access review by keyboard alone, and without JavaScript."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from reprotech.tests.support.browser_actions import csrf_token, expect_said, sign_in

# What the browser does is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")


def open_review(page, *, people=3):
    """Open a review of a new role and its holders; returns its address."""
    headers, name = {"X-CSRFToken": csrf_token(page)}, f"Guest {uuid4().hex[:8]}"
    page.request.post("/api/roles", data={"name": name, "permissions": []}, headers=headers)
    for _ in range(people):
        someone = f"guest-{uuid4().hex[:8]}"
        user = {"username": someone, "email": f"{someone}@lab.example", "roles": [name]}
        assert page.request.post("/api/users", data=user, headers=headers).status == 201
    due = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    review = {"name": name, "scope": {"roles": [name]}, "reviewers": ["admin"], "due": due}
    made = page.request.post("/api/reviews", data=review, headers=headers).json()
    return f"/reviews/{made['review']['id']}"


def test_lines_are_decided_by_keyboard_alone(new_page):
    page = new_page()
    sign_in(page, to=None)
    address = open_review(page)
    page.goto(address)
    page.keyboard.press("j")
    page.keyboard.press("1")  # goes on to the next line
    page.keyboard.press("3")
    page.keyboard.type("Left 123")
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("2")
    page.keyboard.type("Needs less")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    expect_said(page, "3 decisions saved.")
    items = page.request.get(f"/api{address}/items").json()["items"]
    assert [(item["decision"], item["reason"]) for item in items] == [
        ("keep", ""),
        ("remove", "Left 123"),
        ("change", "Needs less"),
        (None, ""),
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_lines_are_decided_without_javascript(new_page):
    page = new_page(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page.expected_errors += ["422"]
    sign_in(page, to=None)
    page.goto(open_review(page, people=1))
    keep, remove = page.get_by_label("Keep").first, page.locator('[type="radio"][value="remove"]').nth(1)
    keep.check(force=True)
    remove.check(force=True)
    page.get_by_role("button", name="Save decisions").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why this access is removed.")
    expect(keep).to_be_checked()
    page.get_by_label("Reason for line 2").fill("Left")
    page.get_by_role("button", name="Save decisions").click()
    expect(page.get_by_text("2 decisions saved.")).to_be_visible()
