"""What many browser tests need. What it waits for may take long: the machine may be slow, or busy with other tests."""

import time

from playwright.sync_api import Error, expect

ADMIN = ("admin", "Admin123!")


def give_password(page, username=ADMIN[0], password=ADMIN[1]):
    """Send the form of the sign-in page, whatever comes of it."""
    page.goto("/login")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_in(page, username=ADMIN[0], password=ADMIN[1], *, to="/"):
    """Sign in as the documented administrator unless told otherwise, and open a page, or none.

    It sends what the form would. To open that first, and then the dashboard, takes longer than many a test;
    `test_browser.py` does it.
    """
    page.request.get("/login")
    form = {"username": username, "password": password, "csrfmiddlewaretoken": csrf_token(page)}
    answer = page.request.post("/login", form=form, max_redirects=0)
    assert answer.status == 302, answer.text()
    if to is not None:
        page.goto(to)


def csrf_token(page):
    """What a request of the page's own must carry, as `X-CSRFToken`."""
    return next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "reprotech_csrf")


def expect_said(page, text):
    """The page tells what was done, wherever on it that is told."""
    expect(page.locator("#toasts").get_by_text(text)).to_be_visible()


def wait_until(page, expression, arg=None, seconds=30):
    """Ask the page until the JavaScript `expression` is true; `AssertionError` after that time.

    Playwright's `wait_for_function` asks from within the page once the first answer was no: our policy stops it there.
    """
    end = time.monotonic() + seconds
    while not is_true(page, expression, arg):
        assert time.monotonic() < end, f"Not true after {seconds} s: {expression}"
        page.wait_for_timeout(50)


def is_true(page, expression, arg):
    """The page's answer; no while it makes way for another."""
    try:
        return page.evaluate(expression, arg)
    except Error as error:
        if "Execution context was destroyed" not in error.message:
            raise
        return False
