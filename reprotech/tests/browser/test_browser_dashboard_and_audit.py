"""Watching the dashboard and reading the audit log, in a real browser."""

import json
import time
from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from audit.statistics import latest_event
from reprotech.tests.support.browser_actions import ADMIN, sign_in, wait_until

# Pages are the same on every stack; test_browser.py and test_browser_users.py open theirs on both.
pytestmark = pytest.mark.only_on("postgresql")


def call(server, path, body, token=""):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    with urlopen(Request(f"{server.url}{path}", json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


def make_user(server, username):
    token = call(server, "/api/auth/login", {"username": ADMIN[0], "password": ADMIN[1]})["access_token"]
    body = {
        "username": username,
        "email": f"{username}@lab.example",
        "password": "Correct-Horse-7",
        "roles": ["viewer"],
    }
    return call(server, "/api/users", body, token)["user"]["id"]


def pixels(page, name):
    """What a chart shows, as a picture."""
    return page.locator(f"#{name}-chart canvas").evaluate("canvas => canvas.toDataURL()")


def open_dashboard(page):
    """Sign in, and stop the page's clock there: only `page.clock.run_for` lets time pass, however slow the machine."""
    page.clock.install()
    sign_in(page)
    page.get_by_text("Live: sign-ins and changes appear by themselves.").wait_for()
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    wait_until_idle(page)


def wait_until_idle(page):
    """Until no answer is on its way, and the last one is shown.

    For the 20 ms in which a new dashboard settles, htmx leaves it the attributes of the old one, among them that an
    answer is on its way. Those pass on the page's clock, which may have stopped before the answer came.
    """
    expect(page.locator("#dashboard.htmx-request:not(.htmx-settling)")).to_have_count(0)
    if page.locator("#dashboard.htmx-settling").count():
        page.clock.run_for(20)


def test_a_login_elsewhere_shows_within_five_seconds_without_a_reload(page, server):
    make_user(server, "works-elsewhere")
    open_dashboard(page)
    growth, activity = (page.locator(f"#{name}-details") for name in ("growth", "activity"))
    growth.locator("summary").click()
    expect(growth).to_have_attribute("open", "")
    page.clock.run_for(100)  # the charts, should they have got another size
    page.evaluate("window.neverReloaded = true")
    before = {name: pixels(page, name) for name in ("growth", "activity")}
    canvas = page.locator("#activity-chart canvas").element_handle()
    logins = page.get_by_role("region", name="Recent sign-ins")
    expect(logins.get_by_text("works-elsewhere")).to_have_count(0)
    call(server, "/api/auth/login", {"username": "works-elsewhere", "password": "Correct-Horse-7"})
    time.sleep(
        latest_event.CACHE_SECONDS
    )  # the page's clock stands still, but another process's knowledge ages by the real one
    page.clock.run_for(5000)
    wait_until_idle(page)
    expect(logins.get_by_text("works-elsewhere")).to_be_visible()
    assert page.evaluate("window.neverReloaded")
    assert canvas.evaluate("canvas => canvas.isConnected"), "the chart was made anew: it flickers"
    assert pixels(page, "growth") == before["growth"]
    assert pixels(page, "activity") != before["activity"]
    expect(growth).to_have_attribute("open", "")
    expect(activity).not_to_have_attribute("open", "")
    expect(page.locator("#live.is-live")).to_have_text("Live: sign-ins and changes appear by themselves.")


def test_a_poll_that_is_never_answered_is_given_up_said_and_sent_again(page):
    page.expected_errors += ["htmx:afterRequest", "htmx:timeout"]
    open_dashboard(page)
    page.evaluate("""() => {
        window.timeouts = [];
        document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => {
            window.timeouts.push(xhr.timeout);
            xhr.timeout = Math.min(xhr.timeout, 300);
        });
    }""")
    page.route("**/?days=30", lambda route: None)
    page.clock.run_for(4000)
    page.get_by_text("Not live: the server can't be reached. Trying again.").wait_for()
    assert page.evaluate("window.timeouts") == [15_000]
    page.unroute("**/?days=30")
    assert next_poll(page) in {200, 304}
    expect(page.locator("#live.is-live")).to_have_text("Live: sign-ins and changes appear by themselves.")


def test_an_answer_that_comes_after_the_clock_stopped_is_shown_too(page, server):
    open_dashboard(page)
    make_user(server, "comes-late")
    time.sleep(latest_event.CACHE_SECONDS)
    with page.expect_response(lambda answer: "days=30" in answer.url) as poll:
        page.route("**/?days=30", lambda route: (page.wait_for_timeout(500), route.continue_()))
        page.clock.run_for(5000)
    wait_until_idle(page)
    assert poll.value.status == 200
    expect(page.locator("#dashboard.htmx-request")).to_have_count(0)


def next_poll(page):
    with page.expect_response(lambda answer: "days=30" in answer.url) as poll:
        page.clock.run_for(5000)
    wait_until_idle(page)
    return poll.value.status


def test_an_unchanged_dashboard_is_asked_for_cheaply_and_not_at_all_while_hidden(page):
    open_dashboard(page)
    # A session that somebody else uses may fall between two polls, but not between each of three.
    statuses = [next_poll(page) for _ in range(3)]
    assert 304 in statuses[1:]
    assert set(statuses) <= {200, 304}
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    page.wait_for_timeout(1000)  # what was asked would be told by now
    assert asked == []
    expect(page.locator("#progress")).to_be_hidden()


def tick(page):
    """Let time pass until the next poll, and tell whether it was sent."""
    before = page.evaluate("window.sent ??= 0")
    page.clock.run_for(4000)
    wait_until_idle(page)
    return page.evaluate("window.sent") - before


def test_a_dashboard_on_which_nothing_happens_is_asked_for_less_often_until_somebody_is_there(page):
    open_dashboard(page)
    page.evaluate("document.addEventListener('htmx:beforeSend', () => { window.sent += 1; })")
    # Something may have happened on the server meanwhile: then it begins anew.
    sent = "".join(str(tick(page)) for _ in range(60))
    assert "1" * 14 + "0000100001" in sent
    while not tick(page):
        pass
    page.mouse.move(10, 10)
    assert [tick(page) for _ in range(3)] == [1] * 3


def test_charts_have_words_and_tables_and_the_range_is_in_the_address(page):
    sign_in(page)
    page.get_by_role("link", name="7 days").click()
    page.wait_for_url("**/?days=7")
    page.get_by_role("img", name="User growth From").or_(page.get_by_role("img", name="User growth")).first.wait_for()
    page.locator("#growth-details summary").click()
    expect(page.locator("#growth-details tbody tr")).to_have_count(7)
    page.go_back()
    expect(page.locator(".segments [aria-current]")).to_have_text("30 days")


def test_charts_follow_the_colour_scheme(page):
    sign_in(page)
    light = pixels(page, "growth")
    page.emulate_media(color_scheme="dark")
    wait_until(page, "light => document.querySelector('#growth-chart canvas').toDataURL() !== light", light)


def test_a_dashboard_whose_session_ended_says_so(new_page, server):
    page = new_page()
    page.expected_errors.append("401")
    sign_in(page)
    page.context.clear_cookies()
    said = page.get_by_text("Not live any more: your session has ended.")
    said.or_(page.get_by_role("heading", name="Sign in")).first.wait_for()


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_what_was_just_done_is_found_in_the_audit_log(new_page, server, java_script):
    username = f"audited-{'with' if java_script else 'without'}"
    make_user(server, username)
    page = new_page(java_script_enabled=java_script)
    sign_in(page)
    page.get_by_role("link", name="Audit log", exact=True).click()
    page.wait_for_url("**/audit")
    page.get_by_label("Action", exact=True).select_option("create")
    if not java_script:
        page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**action=create**")
    row = page.locator("tr[data-row]").filter(has_text=f"admin created the user {username} with the role Viewer")
    row.locator("a.row-link").click()
    page.get_by_role("row", name="Username").get_by_text(username).wait_for()
    page.get_by_role("link", name="All events of this session").click()
    page.locator("tr[data-row]").filter(has_text="admin signed in through the API").first.wait_for()
    page.get_by_role("link", name="Not only of this session").click()
    expect(page.get_by_role("link", name="Not only of this session")).to_have_count(0)
    with page.expect_download() as download:
        page.locator(".export-menu > summary").click()
        page.get_by_role("link", name="Export CSV").click()
    assert download.value.path().read_text(encoding="utf-8").startswith("\ufeffid,timestamp,user,")


def test_a_wrong_address_is_explained_as_one_types_and_back_works(page):
    page.expected_errors.append("422")
    sign_in(page, to="/audit")
    page.get_by_label("IP address").press_sequentially("lab-3")
    page.get_by_text("Give an IP address such as 192.0.2.1").wait_for()
    expect(page.get_by_role("table")).to_be_visible()  # as it was
    page.get_by_label("IP address").fill("127.0.0.1")
    page.wait_for_url("**ip_address=127.0.0.1")
    page.get_by_label("Outcome").select_option("failure")
    page.wait_for_url("**outcome=failure**")
    page.go_back()
    expect(page.get_by_label("Outcome")).to_have_value("")
    expect(page.get_by_label("IP address")).to_have_value("127.0.0.1")
