"""axe-core finds no violation of WCAG 2.2, levels A and AA, on any page, in each colour scheme and at each width.

The policy forbids foreign scripts, so axe comes in through the browser's own debugging protocol.
"""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import expect

from reprotech.testing.plugin import ROOT, require
from reprotech.tests.support.browser_actions import csrf_token, give_password, sign_in
from reprotech.tests.support.mfa_devices import App

# What a page looks like is the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

AXE = Path(ROOT, "node_modules", "axe-core", "axe.min.js")
#: What depends on colours; all else is the same in both colour schemes.
RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What fades in has neither its colours nor its place before it ends. Preloading would copy stylesheets into the page,
# which its policy forbids.
RUN = """async (runOnly) => {
    const ending = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map((one) => one.finished));
    return (await axe.run({runOnly, preload: false, resultTypes: ["violations"]})).violations.map(
        ({id, help, nodes}) => `${id}: ${help}\\n` + nodes.map(({html, failureSummary}) =>
            `    ${html.slice(0, 200)}\\n    ${failureSummary}`).join("\\n"))}"""

SIGNED_OUT = ["/login", "/set-password", "/forgot-password", "/forgot-password/sent", "/confirm-email", "/oauth/logout"]
#: {user}, {role}, {other}, {event}, {application} and {review} are the administrator, the first and another role, the
#: newest event, an application and an access review.
SIGNED_IN = [
    *("/", "/?days=365", "/users", "/users?search=nobody-of-this-name", "/users/{user}", "/roles", "/roles/{role}"),
    *("/users/{user}/access", "/users/{user}/roles?assign=manager", "/users/{user}/sessions", "/users/{user}/keys"),
    "/users/{user}/grants/new",
    *("/users/{user}/activity", "/profile/access", "/profile/sessions", "/profile/keys", "/users/{user}/sessions/end"),
    *(
        "/permissions",
        "/search?q=a",
        "/search?q=nobody-here",
        "/settings",
        "/settings?show=chosen",
        "/docs",
        "/audit",
        "/audit?user=nobody-of-this-name",
        "/audit?ip_address=lab-3",
        "/audit/{event}",
        "/audit/report/periods?last=24h",
    ),
    *("/audit/export?format=xml", "/profile", "/password", "/logout", "/nothing-here"),
    *("/users/{user}/reset-password", "/users/{user}/lock", "/users/selected/assign-role?user={user}"),
    *("/profile/security", "/profile/security/app", "/profile/security/passkeys/new", "/profile/security/confirm"),
    *(
        "/users?status=asleep",
        "/users/new",
        "/users/import",
        "/users/import/update",
        "/users/{user}/edit",
        "/roles/new",
        "/roles/{role}/edit",
    ),
    *("/permissions?role=viewer&role=manager&differences=true&search=e", "/permissions?search=none-of-these"),
    *("/permissions/user_read?role=admin", "/roles/{other}/users/add?search=a", "/roles/{role}/users/{user}/remove"),
    *("/admin/", "/admin/accounts/user/", "/admin/accounts/user/{user}/change/", "/admin/accounts/user/{user}/delete/"),
    *("/admin/accounts/role/{role}/change/", "/admin/audit/auditlog/"),
    *("/audit/report?action=create", "/profile/keys/new", "/users/{user}/keys/new", "/profile/email"),
    *("/profile/time-zone", "/users?role=viewer&status=active", "/users/selected/sign-out?user={user}"),
    *("/device", "/device?user_code=WDJB-MJHT"),
    *("/applications", "/applications?search=nothing-of-this-name", "/applications/new", "/applications/{application}"),
    *("/applications/{application}/setup", "/applications/{application}/setup?program=apache"),
    *("/applications/{application}/setup?program=other", "/applications/{application}/sign-ins"),
    *("/applications/{application}/permissions", "/applications/{application}/activity"),
    *("/oauth/logout", "/oauth/authorize?client_id=of-nobody"),
    *("/access", "/access?role=nobody-of-this-name", "/access/report", "/users/{user}/history"),
    *("/reviews", "/reviews/new", "/reviews/{review}", "/reviews/{review}?show=own&search=nobody-of-this-name"),
    *("/reviews/{review}/edit", "/reviews/{review}/close", "/reviews/{review}/report"),
    *("/exclusions", "/exclusions/new?suggestion=tests", "/exclusions/violations"),
    *("/requests", "/requests?state=granted", "/requests/{request}", "/requests/{request}/grant"),
    *("/requests/{request}/decline", "/requests/new", "/profile/requests"),
    *("/applications/{application}/edit", "/applications/{application}/secret", "/applications/{application}/delete"),
]
SCHEMES = ("light", "dark")
WIDTHS = (1440, 390)


def violations(page, scheme=SCHEMES[0]):
    """What axe finds on the page as it is now, a text for each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    is_first = scheme == SCHEMES[0]
    rules = {"type": "tag", "values": TAGS} if is_first else {"type": "rule", "values": RULES_OF_COLOUR}
    return page.evaluate(RUN, rules)


def add_application(page):
    page.goto("/applications/new")
    page.get_by_label("Name", exact=True).fill("Grafana")
    page.get_by_label("Short name").fill("grafana")
    page.get_by_label("Redirect addresses").fill("https://grafana.lab.example/login/generic_oauth")
    page.get_by_role("button", name="Add application").click()
    expect(page.get_by_role("heading", name="Copy the secret now")).to_be_visible()


def add_review(page):
    """One with each kind of line: the administrator's own, one that is decided, and one that waits."""
    headers, due = {"X-CSRFToken": csrf_token(page)}, f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    review = {"name": "Q4", "scope": {"users": True}, "reviewers": ["admin"], "due": due}
    made = page.request.post("/api/reviews", data=review, headers=headers).json()["review"]["id"]
    items = page.request.get(f"/api/reviews/{made}/items").json()["items"]
    for item in [item for item in items if item["user"]["username"] != "admin"][:1]:
        decision = {"decision": "change", "reason": "Needs less"}
        page.request.post(f"/api/reviews/{made}/items/{item['id']}", data=decision, headers=headers)


def add_request(page):
    """Another person's, for a role that the administrator may give."""
    name, password = "asker", "Quiet-Harbor-9"
    person = {"username": name, "email": "asker@lab.example", "password": password, "roles": ["Viewer"]}
    assert page.request.post("/api/users", data=person, headers={"X-CSRFToken": csrf_token(page)}).ok
    context = page.context.browser.new_context(base_url=page.evaluate("location.origin"))
    asker = context.new_page()
    sign_in(asker, name, password, to=None)
    headers = {"X-CSRFToken": csrf_token(asker)}
    wanted = {"role": "Researcher", "reason": "The new study needs it"}
    answer = asker.request.post("/api/access-requests", data=wanted, headers=headers)
    assert answer.ok, answer.text()
    context.close()


def names(page):
    """The ids that stand for {user}, {role}, {other}, {event}, {application}, {review} and {request}."""
    get = page.request.get
    roles = get("/api/roles").json()["roles"]
    return {
        "user": get("/api/users?search=admin").json()["users"][0]["id"],
        "role": roles[0]["id"],
        "other": roles[1]["id"],
        "event": get("/api/audit?action=create&resource=user").json()["logs"][0]["id"],
        "review": get("/api/reviews").json()["reviews"][0]["id"],
        "request": get("/api/access-requests?mine=false").json()["requests"][0]["id"],
        "application": get("/api/applications").json()["applications"][0]["id"],
    }


@pytest.fixture
def looks(new_page):
    """A browser; call it for a page to be looked at in both colour schemes and at both widths, again and again.

    Pages that show an error say so on the console.
    """
    require(AXE.exists(), "axe-core (python -m scripts.assets)")
    page = new_page(reduced_motion="reduce")  # halfway from one scheme's colours to the other's there is no contrast
    page.add_init_script(path=AXE)  # quicker than to send it to each page
    page.expected_errors += ["the server responded with a status of 4"]

    def look(path=None):
        if path:
            page.goto(path)
        for scheme, width in product(SCHEMES, WIDTHS):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            yield from (f"{scheme}, {width} px: {text}" for text in violations(page, scheme))

    return page, look


def test_no_page_has_a_barrier(looks):
    page, look = looks
    found = {path: list(look(path)) for path in SIGNED_OUT}
    sign_in(page, to=None)
    found["the list without applications"] = list(look("/applications"))
    add_application(page)
    found["an application's secret"] = list(look())
    found["the list without reviews"] = list(look("/reviews"))
    add_review(page)
    found["the list without requests"] = list(look("/requests"))
    add_request(page)
    known = names(page)
    for path in SIGNED_IN:
        found[path] = list(look(path.format(**known)))
    texts = [f"{path}\n  {text}" for path, texts in found.items() for text in texts]
    assert texts == [], "\n".join(texts)


def test_nor_has_what_is_opened_on_a_page(looks):
    page, look = looks
    sign_in(page)
    opened = page.locator("main details > summary")
    expect(opened.last).to_be_visible()
    for details in opened.all():
        details.click()
    # Where the clicks have scrolled to, the bar at the top may lie over half of a link.
    page.evaluate("scrollTo(0, 0)")
    assert list(look()) == []
    page.locator(".account-menu summary").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert list(look()) == []


def test_nor_has_a_device_that_asks_to_be_signed_in(looks):
    page, look = looks
    sign_in(page)
    token = csrf_token(page)
    application = {"name": "Balance 3", "slug": "balance3", "kind": "public", "redirect_uris": [], "device_grant": True}
    made = page.request.post("/api/applications", data=application, headers={"X-CSRFToken": token}).json()
    form = {"client_id": made["application"]["client_id"], "scope": "openid"}
    asked = page.request.post("/oauth/device", form=form).json()
    assert list(look("/device")) == []
    page.get_by_label("Code that the device shows").fill("AAAA-AAAA")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("start again on the device").first.wait_for()
    assert list(look()) == []
    page.get_by_label("Code that the device shows").fill(asked["user_code"])
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Allow Balance 3 on a device?").wait_for()
    assert list(look()) == []
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("heading", name="The device is allowed").wait_for()
    assert list(look()) == []


def test_nor_has_the_strength_of_a_new_password_nor_an_address_that_waits(looks):
    page, look = looks
    sign_in(page, to="/profile/email")
    page.get_by_label("New e-mail address").fill("chief@lab.example")
    page.get_by_role("button", name="Send link").click()
    page.get_by_text("waits to be confirmed").wait_for()
    assert list(look()) == []
    page.get_by_role("button", name="Cancel the change").click()
    page.get_by_text("Your address stays as it is").wait_for()
    page.goto("/password")
    for password in ("Password1!", "Winter2025!", "purple Tractor sings 7 operas"):
        page.get_by_label("New password", exact=True).fill(password)
        page.get_by_role("meter").wait_for()
        page.get_by_text("stranger's computer").wait_for()
        assert list(look()) == []


def test_nor_has_what_sets_a_second_factor_up_and_asks_for_it(looks):
    page, look = looks
    sign_in(page, to=None)
    person = {"username": "axe", "email": "axe@lab.example", "password": "Correct-Horse-7", "roles": ["Viewer"]}
    token = csrf_token(page)
    assert page.request.post("/api/users", data=person, headers={"X-CSRFToken": token}).status == 201
    page.context.clear_cookies()
    sign_in(page, person["username"], person["password"], to="/profile/security/app")
    app = App(page.locator(".key").inner_text().replace(" ", ""))
    page.get_by_label("Code that the app shows").fill(app.wrong_code())
    page.get_by_role("button", name="Set up the app").click()
    page.get_by_text("This is not the code that the app shows now.").first.wait_for()
    assert list(look()) == []
    page.get_by_label("Code that the app shows").fill(app.code())
    page.get_by_role("button", name="Set up the app").click()
    page.get_by_role("heading", name="Your recovery codes").wait_for()
    assert list(look()) == []
    for path in ("/profile/security", "/profile/security/app/remove", "/profile/security/recovery-codes"):
        assert list(look(path)) == []
    page.context.clear_cookies()
    give_password(page, person["username"], person["password"])
    page.get_by_role("heading", name="Two-step verification").wait_for()
    assert list(look()) == []
    page.get_by_label("Six-digit code").fill(app.wrong_code())
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("This code is wrong").first.wait_for()
    assert list(look()) == []


def test_nor_has_the_dialog_to_sign_in_again_over_a_page(looks):
    page, look = looks
    page.expected_errors += ["401", "422"]
    sign_in(page, to="/users/new")
    page.get_by_label("Username").fill("waiting")
    page.get_by_label("E-mail", exact=True).fill("waiting@lab.example")
    page.context.clear_cookies(name="reprotech_session")
    page.get_by_role("button", name="Create user").click()
    dialog = page.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("Password", exact=True).fill("Wrong-Horse-7")
    page.keyboard.press("Enter")
    dialog.get_by_text("Incorrect username or password.").wait_for()
    assert list(look()) == []


def test_nor_has_a_form_that_someone_else_was_faster_with(looks):
    page, look = looks
    sign_in(page, to=None)
    user, path = page.request.get("/api/users?search=admin").json()["users"][0]["id"], "/api/users/{}"
    page.goto(f"/users/{user}/edit")
    token = csrf_token(page)
    for last_name in ("Admin", "Administrator"):
        assert page.request.patch(path.format(user), data={"last_name": last_name}, headers={"X-CSRFToken": token}).ok
    page.locator("[name=last_name]").fill("Boss")
    page.get_by_role("button", name="Save user").click()
    page.get_by_role("heading", name="Where the two differ").wait_for()
    assert list(look()) == []


def test_axe_would_notice(looks):
    page, look = looks
    page.goto("/login")
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('h1').style.color = 'black'")  # legible on a light page only
    found = list(look())
    assert any("label: " in text for text in found)
    assert {text[:4] for text in found if "color-contrast: " in text} == {"dark"}
