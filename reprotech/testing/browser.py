"""pytest fixtures `page` and `new_page`: Chromium on the pages of the `server` fixture, watched for errors.

A test fails when the console showed an error or the Content-Security-Policy stopped something, unless
`page.expected_errors`, a list of text fragments, has one that occurs in the message.
"""

import asyncio
import shutil
from contextlib import ExitStack, suppress

import pytest

from reprotech.testing.plugin import require

# The first lacks only the window around a page. Chromium opens one in each new profile, longer work than the page.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
# Without the later ones Chromium calls its maker's hosts at every start.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Milliseconds for whatever a page should come to show or be: a loaded machine takes its time.
PATIENCE = 30_000
REPORT_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (violation) => console.error(
    `Content-Security-Policy: ${violation.effectiveDirective} stopped ${violation.blockedURI} ${violation.sample}`))"""


def chromium_program():
    """The path of the first that is there."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    require(program, "Chromium (Debian's package chromium-headless-shell or chromium)")
    return program


class Chromium:
    """One browser for tests that follow each other: starting it costs as much as many a test.

    It ends before a test without, which Playwright's event loop would break if it ran on.
    """

    def __init__(self):
        self._parts, self._browser = ExitStack(), None

    def open(self):
        """The browser, without pages."""
        if self._browser is None or not self._browser.is_connected():
            self.close()
            program = chromium_program()
            from playwright.sync_api import expect, sync_playwright

            expect.set_options(timeout=PATIENCE)
            playwright = self._parts.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
            self._parts.callback(self._browser.close)
        return self._browser

    def close(self):
        """End it, also one that crashed."""
        self._browser = None
        with suppress(Exception):
            self._parts.close()
        # As Playwright does when it ends as it should: Django refuses its database where a loop runs.
        asyncio._set_running_loop(None)


CHROMIUM = Chromium()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Tell the test whether the next one takes over its browser."""
    item.leaves_browser = nextitem is not None and "browser" in nextitem.fixturenames


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """One that was left for a test that didn't come to open it must not break the next."""
    if "browser" not in item.fixturenames:
        CHROMIUM.close()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    """Also when the session stops at a failure."""
    CHROMIUM.close()


@pytest.fixture
def browser(request):
    """Chromium, with profiles that end with the test."""
    chromium = CHROMIUM.open()
    yield chromium
    try:
        for context in chromium.contexts:
            context.close()
    except Exception:
        CHROMIUM.close()
        raise
    if not request.node.leaves_browser:
        CHROMIUM.close()


@pytest.fixture
def new_page(browser, server):
    """Call it for a page in a browser profile of its own: `new_page(java_script_enabled=False, color_scheme="dark")`.

    Takes the options of Playwright's `new_context`. Paths are relative to the server: `page.goto("/login")`.
    """
    watched = []

    def open_page(**options):
        page = browser.new_context(**{"base_url": server.url, **options}).new_page()
        page.set_default_timeout(PATIENCE)
        watched.append((page, watch(page)))
        return page

    yield open_page
    unexpected = [error for page, errors in watched for error in errors if not is_expected(error, page)]
    assert not unexpected, "The browser reported:\n" + "\n".join(unexpected)


@pytest.fixture
def page(new_page):
    """A watched page with JavaScript, at desktop size."""
    return new_page()


def watch(page):
    """Give the page an empty `expected_errors`; returns the list that fills with whatever goes wrong on it."""
    errors = []
    page.expected_errors = []
    page.add_init_script(REPORT_VIOLATIONS)
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on("console", lambda message: message.type == "error" and errors.append(describe(message)))
    return errors


def describe(message):
    """A console message with the place it came from."""
    return f"{message.location.get('url', '')}: {message.text}"


def is_expected(error, page):
    """Whether the test said that this would come."""
    return any(fragment in error for fragment in page.expected_errors)
