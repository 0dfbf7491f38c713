"""What many browser tests need."""

import time

ADMIN = ("admin", "Admin123!")


def sign_in(page, username=ADMIN[0], password=ADMIN[1]):
    """Sign in by the form, as the documented administrator unless told otherwise; returns once that is done."""
    page.goto("/login")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/login" not in url)


def wait_until(page, expression, arg=None, seconds=30):
    """Ask the page until the JavaScript `expression` is true; `AssertionError` after that time.

    Playwright's `wait_for_function` asks from within the page once the first answer was no: our policy stops it there.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression, arg):
        assert time.monotonic() < end, f"Not true after {seconds} s: {expression}"
        page.wait_for_timeout(50)
