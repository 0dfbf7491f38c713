"""`scripts/docs` makes a site of docs/ that leads to every page, needs no network, and fits a phone in both schemes."""

import re
import shutil
import subprocess
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from reprotech.testing.browser import PATIENCE, watch
from reprotech.testing.plugin import ROOT, require
from reprotech.tests.browser.test_accessibility import AXE, SCHEMES, violations

# What the site looks like is the same on every stack.
pytestmark = [pytest.mark.only_on("sqlite"), pytest.mark.slow]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
#: Links that lead nowhere, and what the build says of them.
WRONG = {
    "[a page](nowhere.md)": "nowhere.md",
    "[an anchor](audit.md#no-such-part)": "no-such-part",
    "[an anchor of its own](#no-such-heading)": "no-such-heading",
    "![a picture](nothing.png)": "nothing.png",
}


def build(root, target):
    done = subprocess.run([root / "scripts" / "docs", target], capture_output=True, check=False, text=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The directory of the site."""
    target = tmp_path_factory.mktemp("docs") / "site"
    code, said = build(ROOT, target)
    assert code == 0, said
    return target


class Links(HTMLParser):
    """What a page loads, what it leads to (from its sidebar: `navigation`), and the ids that can be led to."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.links, self.ids, self.navigation = set(), set(), set(), set()
        self._in_sidebar = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        self._in_sidebar = self._in_sidebar or (tag == "aside" and "sidebar-drawer" in found.get("class", ""))
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
            self.navigation |= {found["href"]} if self._in_sidebar else set()
        else:
            self.loaded |= {found[name] for name in ("src", "href", "srcset", "data", "poster") if found.get(name)}

    def handle_endtag(self, tag):
        self._in_sidebar = self._in_sidebar and tag != "aside"


@pytest.fixture(scope="module")
def pages(site):
    """Each page of the site by its address within it."""
    files = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path.relative_to(site).as_posix(): Links(path.read_text(encoding="utf-8")) for path in files}


def within_site(name, link):
    """The page and the anchor that a link on the page `name` leads to."""
    address, anchor = urldefrag(urljoin(name, link))
    return address, unquote(anchor)


def test_every_page_is_in_the_navigation_of_every_other_one(pages):
    assert len(PAGES) > 10
    assert {f"{name}.html" for name in PAGES} == set(pages) - {"search.html"}
    for name, page in pages.items():
        reached = {within_site(name, link)[0] for link in page.navigation}
        assert {f"{page}.html" for page in PAGES} - reached == set(), name


def test_every_link_within_the_site_leads_somewhere(site, pages):
    lost = set()
    for name, page in pages.items():
        for link in page.links:
            address, anchor = within_site(name, link)
            if not urlsplit(link).scheme and (
                not (site / address).is_file() or (anchor and anchor not in pages[address].ids)
            ):
                lost.add((name, link))
    assert lost == set()


def is_elsewhere(address):
    return urlsplit(address).scheme not in {"", "data"} or address.startswith("//")


def test_nothing_is_loaded_from_elsewhere(site, pages):
    loaded = {source for page in pages.values() for source in page.loaded}
    assert any(source.startswith("_static/") for source in loaded)
    assert {address for address in loaded if is_elsewhere(address)} == set()
    styles = "\n".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    named = re.findall(r"""(?:url\(|@import )\s*["']?([^"')]+)""", styles)
    assert {
        source for source in named if urlsplit(source).scheme not in {"", "data"} or source.startswith("//")
    } == set()


def test_links_that_lead_nowhere_and_pages_that_nothing_leads_to_fail_the_build(tmp_path):
    root = tmp_path / "copy"
    for folder in ("docs", "static", "scripts"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("screenshots"))
    for path in [*ROOT.glob("requirements*.txt")]:
        shutil.copy(path, root)
    (root / ".venv").symlink_to(ROOT / ".venv")
    with (root / "docs" / "users.md").open("a") as file:
        file.write("\n\n".join(["", *WRONG]))
    (root / "docs" / "forgotten.md").write_text("# Forgotten\n")
    target = tmp_path / "site"
    code, said = build(root, target)
    assert code != 0
    assert {what for what in [*WRONG.values(), "forgotten.md"] if what not in said} == set()
    assert not target.exists()


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("kept")
    code, said = build(ROOT, tmp_path)
    assert (code, said) == (1, f"{tmp_path} holds something else than this site. Name a new directory.\n")
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.fixture
def visitor(browser, site):
    """A browser on the site; whatever it asks other hosts for, and every error, fails the test."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        page = browser.new_context(base_url=home, reduced_motion="reduce").new_page()
        page.set_default_timeout(PATIENCE)
        asked, errors = set(), watch(page)
        page.on("request", lambda request: asked.add(request.url))
        yield page
        page.close()
        server.shutdown()
    assert {url for url in asked if not url.startswith((home, "data:"))} == set()
    assert errors == []


#: What reaches beyond the window's edge, but for code and tables, which scroll by themselves.
TOO_WIDE = """[...document.querySelectorAll("article *, header *")]
    .filter((part) => part.getBoundingClientRect().right > innerWidth && !part.closest("pre, .table-wrapper"))
    .map((part) => part.outerHTML.slice(0, 200))"""


def test_every_page_fits_a_phone(visitor, pages):
    visitor.set_viewport_size({"width": 390, "height": 844})
    for name in pages:
        visitor.goto(f"/{name}")
        assert (name, visitor.evaluate(TOO_WIDE)) == (name, [])


#: Together every kind of page, both schemes and both widths: all of all would take a minute.
LOOKS = {
    ("index", "light", 1440),
    ("index", "dark", 390),
    ("api", "light", 390),
    ("api", "dark", 1440),
    ("administration", "light", 390),
    ("operations", "dark", 1440),
    ("search", "dark", 390),
}


def test_axe_finds_nothing_on_pages_of_each_kind_in_light_and_dark_on_desktop_and_phone(visitor):
    require(AXE.exists(), "axe-core (python -m scripts.assets)")
    found = []
    for name, scheme, width in sorted(LOOKS):
        visitor.emulate_media(color_scheme=scheme)
        visitor.set_viewport_size({"width": width, "height": 900})
        visitor.goto(f"/{name}.html")
        found += [f"{name}, {scheme}, {width} px: {text}" for text in violations(visitor)]
    assert found == []


def test_light_and_dark_follow_the_machine(visitor):
    grounds = set()
    for scheme in SCHEMES:
        visitor.emulate_media(color_scheme=scheme)
        visitor.goto("/index.html")
        grounds.add(visitor.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


def test_what_one_looks_for_is_found(visitor):
    visitor.goto("/index.html")
    visitor.get_by_role("textbox", name="Search").fill("introspection")
    visitor.keyboard.press("Enter")
    results = visitor.locator("#search-results")
    expect(results.get_by_role("link", name="Security", exact=True)).to_be_visible()
    expect(
        results.get_by_text("asks by introspection").or_(results.get_by_text("ask introspection")).first
    ).to_be_visible()
