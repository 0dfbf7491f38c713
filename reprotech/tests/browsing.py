"""What many browser tests begin with."""

ADMIN = ("admin", "Admin123!")


def sign_in(page, username=ADMIN[0], password=ADMIN[1]):
    """Sign in by the form, as the documented administrator unless told otherwise; returns once that is done."""
    page.goto("/login")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/login" not in url)
