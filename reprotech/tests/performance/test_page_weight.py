"""What a page costs whoever opens it, from a server as in production: few requests, few bytes, nothing twice, no jump.

Static files there are collected, named by their hash and compressed with brotli.
"""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

import pytest

from reprotech.search import sources as searched
from reprotech.testing.plugin import start_server
from reprotech.tests.support.browser_actions import csrf_token, sign_in, wait_until

# The pages are the same on every stack.
pytestmark = pytest.mark.only_on("postgresql")

PASSWORD = "Correct-Horse-7"
MOST_REQUESTS = 12
MOST_BYTES = 200_000
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
#: What the menu and the search lead to, pages to come among them; Swagger's own page is not ours.
LISTED = {
    destination.url_name: destination.url for destination in (*searched.PAGES, *searched.COMMANDS)
    if destination.url_name not in {"docs", "logout"}
}  # fmt: skip
#: {user}, {role} and {event} are the administrator, the first role and the newest event.
PAGES = [
    *(f"/users/{{user}}{part}" for part in ("", "/access", "/sessions", "/keys", "/activity", "/roles", "/edit")),
    *(f"/roles/{{role}}{part}" for part in ("", "/edit", "/clone", "/users/add")),
    *("/permissions/user_read", "/audit/{event}", "/audit/report/periods", "/search?q=admin", "/profile/email"),
]
#: What the strength of a new password is estimated with, fetched when somebody starts on one and kept for good.
MOST_BYTES_OF_ESTIMATE = 240_000
# Smaller shifts, of less than a pixel, are how browsers round; one that people notice is a hundred times as large.
SUM_SHIFTS = """window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach(({value, sources}) => value >= 0.001 && shifts.push(
    `${value.toFixed(4)} ${sources.map(({node}) => node?.id || node?.className || node?.nodeName).join(", ")}`,
))).observe({type: "layout-shift", buffered: true});"""

#: What scripts keep in a browser.
FORGET = """() => location.protocol.startsWith("http") &&
    [localStorage, sessionStorage].forEach((one) => one.clear())"""


@pytest.fixture(scope="module")
def server(stack, processes):
    """In production's mode, with a few pages of users."""
    server = start_server(processes, stack, DEBUG="false", ADMIN_PASSWORD=PASSWORD)
    yield server
    processes.stop(server.process)


class Network:
    """What a page asks the network for, as the browser's debugging protocol tells it."""

    def __init__(self, page):
        self.answers, self.sizes, self.cached, self.pending = {}, {}, set(), set()
        self._protocol = protocol = page.context.new_cdp_session(page)
        protocol.send("Network.enable")
        protocol.on("Network.requestWillBeSent", lambda event: self.pending.add(event["requestId"]))
        protocol.on("Network.loadingFailed", lambda event: self.pending.discard(event["requestId"]))
        protocol.on("Network.responseReceived", self._answered)
        protocol.on("Network.requestServedFromCache", lambda event: self.cached.add(event["requestId"]))
        protocol.on("Network.loadingFinished", self._loaded)

    def close(self):
        self._protocol.detach()

    def _answered(self, event):
        response = event["response"]
        if not response["url"].startswith("data:"):
            self.answers[event["requestId"]] = response
            if response.get("fromDiskCache") or response["status"] == 304:
                self.cached.add(event["requestId"])

    def _loaded(self, event):
        self.sizes[event["requestId"]] = event["encodedDataLength"]
        self.pending.discard(event["requestId"])

    @property
    def downloaded(self):
        """What came over the network: (bytes, address)."""
        fresh = [(number, one["url"]) for number, one in self.answers.items() if number not in self.cached]
        return sorted((self.sizes[number], url) for number, url in fresh)


def visit(page, path):
    network = Network(page)
    page.goto(path)
    # Whatever a script moves or asks for once all is there.
    page.evaluate("() => new Promise((done) => setTimeout(() => requestAnimationFrame(done), 150))")
    end = time.monotonic() + 30
    while network.pending:
        assert time.monotonic() < end, f"Still loading: {network.pending}"
        page.wait_for_timeout(50)
    network.close()
    return network


def first_visit(page, path):
    """As by a browser that was never here before, but for its session, and whose font comes late."""
    page.evaluate(FORGET)
    # The route keeps the browser from taking files out of its cache, though not from putting them there.
    page.route("**/*.woff2", come_late)
    network = visit(page, path)
    page.unroute("**/*.woff2")
    taken = {network.answers[number]["url"] for number in network.cached & network.answers.keys()}
    assert taken <= {url for _, url in network.downloaded}, f"{path}: what was there from before was taken"
    assert any(one["url"].endswith(".woff2") for one in network.answers.values()), f"{path} has no font"
    return network


def come_late(route):
    """Pass on a font once the page is shown in another."""
    time.sleep(0.3)
    route.continue_()


def faults(network, page):
    """What is wrong with a page that was opened for the first time."""
    answers = list(network.answers.values())
    static = [one for one in answers if "/static/" in one["url"]]
    headers = [{name.lower(): value for name, value in one["headers"].items()} for one in static]
    size = sum(network.sizes.values())
    if len(answers) > MOST_REQUESTS or size > MOST_BYTES:
        yield f"{len(answers)} requests, {size} bytes: {network.downloaded}"
    if not all("immutable" in one["cache-control"] for one in headers):
        yield "not kept for good"
    texts = [one for one in headers if one["content-type"].startswith("text/")]
    if not texts or not all(one.get("content-encoding") == "br" for one in texts):
        yield "not compressed"
    if any(one["status"] != 200 for one in answers):
        yield "an error"
    yield from jumps(page)


def jumps(page):
    if shifts := page.evaluate("window.shifts"):
        yield f"jumps: {shifts}"


def faults_of_a_second_visit(network, page):
    """The page itself comes again: no cache may keep what only the signed-in see. Its font is there at once."""
    yield from jumps(page)
    if again := [url for _, url in network.downloaded if "/static/" in url]:
        yield f"downloaded again: {again}"


def fill(page):
    """Some users; returns the ids that stand for {user}, {role} and {event}."""
    rows = "".join(f"person-{n},person-{n}@lab.example,Person,{n},Viewer;Researcher\n" for n in range(60))
    token = csrf_token(page)
    headers = {"X-CSRFToken": token, "Content-Type": "text/csv"}
    answer = page.request.post(
        "/api/users/import", data=f"username,email,first_name,last_name,roles\n{rows}", headers=headers
    )
    assert answer.json()["created"] == 60, answer.text()
    get = page.request.get
    return {
        "user": get("/api/users?search=admin").json()["users"][0]["id"],
        "role": get("/api/roles").json()["roles"][0]["id"],
        "event": get("/api/audit").json()["logs"][0]["id"],
    }


@pytest.fixture(scope="module")
def kept():
    """What the first test that signs in leaves to the others."""
    return {}


@pytest.fixture
def session(new_page, kept):
    """What a browser keeps of a session."""
    if not kept:
        page = new_page()
        sign_in(page, password=PASSWORD)
        kept.update(known=fill(page), session=page.context.storage_state())
    return kept["session"]


@pytest.fixture
def paths(session, kept):
    """The addresses of all pages behind the sign-in; some commands lead to the same page with other filters."""
    return [*LISTED.values(), *(path.format(**kept["known"]) for path in PAGES)]


def visitors(session, paths):
    """Who opens what: the options of a browser, and addresses."""
    return ({}, ("/login", "/forgot-password")), ({"storage_state": session}, paths)


def test_every_page_is_light_comes_once_and_stands_still(new_page, session, paths):
    found = {}
    for options, addresses in visitors(session, paths):
        page = new_page(viewport=DESKTOP, **options)
        page.add_init_script(SUM_SHIFTS)
        for path in addresses:
            found[path] = [*faults(first_visit(page, path), page)]
            found[path] += faults_of_a_second_visit(visit(page, path), page)
            assert page.url.endswith(path)
    wrong = {page: texts for page, texts in found.items() if texts}
    assert not wrong, "\n".join(f"{page}: {text}" for page, texts in wrong.items() for text in texts)


def test_nor_does_a_page_jump_on_a_phone(new_page, session, paths):
    found = {}
    for options, addresses in visitors(session, paths):
        page = new_page(viewport=PHONE, **options)
        page.add_init_script(SUM_SHIFTS)
        for path in addresses:
            first_visit(page, path)
            found[path] = [*jumps(page)]
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_the_strength_of_a_password_is_estimated_by_what_comes_later_and_once(new_page):
    page = new_page()
    sign_in(page, password=PASSWORD)
    for is_first in (True, False):
        page.goto("/password")
        network = Network(page)
        page.get_by_label("New password", exact=True).fill("Winter2025!")
        page.get_by_text("a stranger's computer guesses it").wait_for()
        downloaded = network.downloaded
        assert [url.rpartition("/")[2].split(".")[0] for _, url in sorted(downloaded, key=lambda one: one[1])] == (
            ["strength", "zxcvbn-words", "zxcvbn"] if is_first else []
        )
        assert sum(size for size, _ in downloaded) < MOST_BYTES_OF_ESTIMATE
        assert all(one["headers"].get("content-encoding") == "br" for one in network.answers.values())


def test_a_jump_would_be_noticed(new_page):
    page = new_page()
    page.add_init_script(SUM_SHIFTS)
    page.goto("/login")
    page.evaluate("document.querySelector('main').style.marginTop = '99px'")
    wait_until(page, "window.shifts.length > 0")


class InPieces(BaseHTTPRequestHandler):
    """Passes on what the server answers; the profile in two pieces, cut between the two buttons at its top."""

    def do_GET(self):
        request = Request(self.server.target + self.path, headers={"Cookie": self.headers["Cookie"] or ""})
        with urlopen(request) as answer:
            body, headers = answer.read(), answer.headers
        self.send_response(200)
        for name in ("Content-Type", "Content-Security-Policy"):
            self.send_header(name, headers.get(name, ""))
        self.end_headers()
        start, cut, rest = body.rpartition(b"Change password") if self.path == "/profile" else (body, b"", b"")
        self.wfile.write(start)
        self.wfile.flush()
        time.sleep(1 if cut else 0)
        self.wfile.write(cut + rest)

    def log_message(self, *_):
        """Say nothing."""


def test_a_page_that_arrives_in_pieces_stands_still(new_page, server):
    page = new_page()
    sign_in(page, password=PASSWORD)
    with ThreadingHTTPServer(("127.0.0.1", 0), InPieces) as proxy:
        proxy.target = server.url
        Thread(target=proxy.serve_forever, daemon=True).start()
        page.add_init_script(SUM_SHIFTS)
        page.goto(f"http://127.0.0.1:{proxy.server_port}/profile")
        page.get_by_role("link", name="Change password").wait_for()
        assert page.evaluate("window.shifts") == []
        proxy.shutdown()
