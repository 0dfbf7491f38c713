"""axe-core finds no violation of WCAG 2.2, levels A and AA, on any page, in both colour schemes and at both sizes.

The policy forbids foreign scripts, so axe comes in through the browser's own debugging protocol.
"""

from pathlib import Path

import pytest

from reprotech.pytest_stack import ROOT, require

AXE = Path(ROOT, "node_modules", "axe-core", "axe.min.js")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => (await axe.run({runOnly: {type: "tag", values: tags}})).violations.map(
    ({id, help, nodes}) => `${id}: ${help}\\n` + nodes.map(({html, failureSummary}) =>
        `    ${html.slice(0, 200)}\\n    ${failureSummary}`).join("\\n"))"""

SIGNED_OUT = ["/login", "/set-password"]
#: {user}, {role} and {event} are the administrator, the first role and the newest event.
SIGNED_IN = [
    *("/", "/?days=365", "/users", "/users?search=nobody-of-this-name", "/users/{user}", "/roles", "/roles/{role}"),
    *("/permissions", "/audit", "/audit?user=nobody-of-this-name", "/audit?ip_address=lab-3", "/audit/{event}"),
    *("/audit/export?format=xml", "/profile", "/password", "/logout", "/nothing-here"),
    *("/users/{user}/reset-password", "/users/{user}/lock", "/users/selected/assign-role?user={user}"),
    *("/users?status=asleep", "/users/new", "/users/import", "/users/{user}/edit", "/roles/new", "/roles/{role}/edit"),
]
WIDTHS = {"light": 1440, "dark": 390}


def violations(page):
    """What axe finds on the page as it is now, a text for each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(RUN, TAGS)


def sign_in(page):
    page.goto("/login")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill("Admin123!")
    page.locator("main button[type=submit]").click()
    page.get_by_role("heading", name="Hello System Administrator").wait_for()


def names(page):
    """The ids that stand for {user}, {role} and {event}."""
    get = page.request.get
    return {
        "user": get("/api/users?search=admin").json()["users"][0]["id"],
        "role": get("/api/roles").json()["roles"][0]["id"],
        "event": get("/api/audit?action=create&resource=user").json()["logs"][0]["id"],
    }


@pytest.fixture(params=WIDTHS)
def any_page(request, new_page):
    """A browser in one colour scheme, wide or narrow; pages that show an error say so on the console."""
    require(AXE.exists(), "axe-core (python -m scripts.assets)")
    size = {"width": WIDTHS[request.param], "height": 900}
    page = new_page(color_scheme=request.param, viewport=size)
    page.expected_errors += ["the server responded with a status of 4"]
    return page


def test_no_page_has_a_barrier(any_page):
    found = {}
    for path in SIGNED_OUT:
        any_page.goto(path)
        found[path] = violations(any_page)
    sign_in(any_page)
    known = names(any_page)
    for path in SIGNED_IN:
        any_page.goto(path.format(**known))
        found[path] = violations(any_page)
    assert {path: texts for path, texts in found.items() if texts} == {}, "\n".join(
        f"{path}\n  {text}" for path, texts in found.items() for text in texts
    )


def test_nor_has_what_is_opened_on_a_page(any_page):
    sign_in(any_page)
    for details in any_page.locator("main details > summary").all():
        details.click()
    assert violations(any_page) == []
    any_page.locator(".account-menu summary").click()
    assert violations(any_page) == []


def test_axe_would_notice(any_page):
    any_page.goto("/login")
    any_page.evaluate("document.querySelector('label').remove()")
    assert any("label" in text for text in violations(any_page))
