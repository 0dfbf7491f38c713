"""The documents in `docs/` are pages of the product, for everybody who is signed in and under its strict policy."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

import pytest
from django.contrib.staticfiles import finders

from reprotech.documents.library import DOCS, documents, find, sections
from reprotech.documents.markdown import parts_of, render
from reprotech.settings_page.catalogue import GROUPS
from reprotech.testing.client import page_client

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files
JSON = {"HTTP_ACCEPT": "application/json"}


class Page(HTMLParser):
    """What a document links to and loads, the anchors that it has, and its tags."""

    def __init__(self, html):
        super().__init__()
        self.links, self.images, self.ids, self.tags = set(), [], set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        self.ids |= {found["id"]} if "id" in found else set()
        if tag == "a":
            self.links.add(found["href"])
        elif tag == "img":
            self.images.append(found)


@pytest.fixture(scope="module")
def pages():
    return {document.url: Page(document.html) for document in documents().values()}


@pytest.fixture
def reader(cast):
    return page_client(cast.stranger)


def test_every_document_is_a_page_that_the_least_of_users_reads(reader):
    assert len(documents()) > 20
    for document in documents().values():
        answer = reader.get(document.url)
        assert (document.name, answer.status_code) == (document.name, 200)
        assert f"<title>{document.title} · Help" in answer.content.decode().replace("&#x27;", "'")


@pytest.mark.parametrize("name", ["nothing", "../README", "users.md", "images", "..%2Fmanage", "%00", "navigation"])
def test_nothing_but_a_document_is_a_page(reader, name):
    assert reader.get(f"/docs/{name}").status_code == 404


def test_the_navigation_names_every_document_but_the_single_decisions():
    named = [document.name for section in sections().values() for document in section]
    assert len(named) == len(set(named))
    assert {name for name in documents() if not re.match(r"adr/\d", name)} - {"index"} == set(named)


def test_every_link_between_documents_leads_to_a_part_that_there_is(pages):
    lost = set()
    for url, page in pages.items():
        for link in page.links:
            address, anchor = urldefrag(link)
            target = pages.get(address or url)
            if link.startswith(("/", "#")) and (target is None or (anchor and unquote(anchor) not in target.ids)):
                lost.add((url, link))
            assert link.startswith(("/docs", "#", "https://", "http://")), (url, link)
    assert lost == set()


def test_nothing_in_a_document_asks_for_what_the_policy_forbids(pages):
    for url, page in pages.items():
        for tag, attributes in page.tags:
            forbidden = {name for name in attributes if name == "style" or name.startswith("on")}
            assert (url, tag, forbidden) == (url, tag, set())
            assert tag not in {"script", "style", "iframe", "object"}


def test_pictures_are_static_files_that_keep_their_room(pages):
    images = [image for page in pages.values() for image in page.images]
    assert images
    for image in images:
        assert finders.find(image["src"].removeprefix("/static/")), image
        assert image["alt"]
        assert image["width"].isdigit()
        assert image["height"].isdigit()


def test_markup_in_a_document_is_shown_and_not_obeyed():
    page = render("# A\n\n<script>alert(1)</script> `<b>` [x](javascript:alert(1))\n", "a", DOCS)
    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "&lt;b&gt;" in page


def test_a_column_of_numbers_is_aligned_by_a_class_and_an_empty_head_is_no_head():
    page = Page(render("# A\n\n| | b |\n| --- | ---: |\n| c | 1 |\n", "a", DOCS))
    cells = [(tag, attributes) for tag, attributes in page.tags if tag in {"td", "th"}]
    assert cells == [("td", {}), ("th", {"scope": "col", "class": "number"}), ("td", {}), ("td", {"class": "number"})]


def test_headings_of_the_same_words_have_anchors_of_their_own():
    parts = parts_of("# A\n\n## Same `words`\n\n## Same words\n\n## It's *so*: 1 & 2?\n")
    assert [part.anchor for part in parts] == ["a", "same-words", "same-words-1", "its-so-1--2"]


def test_the_shell_leads_to_the_help_and_the_settings_to_the_document_of_each_group(reader, cast):
    assert re.search(r'href="/docs"[^>]*data-keys="g h"', reader.get("/").content.decode())
    settings = page_client(cast.super_admin).get("/settings").content.decode()
    for group in GROUPS:
        assert group.document in documents()
        assert f'href="/docs/{group.document}"' in settings
    assert 'href="/docs"' in settings.split('class="settings-links"')[1]


def test_the_first_document_leads_on_to_the_next(reader):
    page = reader.get("/docs").content.decode()
    assert re.search(r'href="/docs/users"\s+rel="next"', page)
    assert 'rel="prev"' not in page
    assert re.search(r'href="/docs"\s+rel="prev"', reader.get("/docs/users").content.decode())


def test_the_palette_finds_titles_before_headings_and_headings_before_text(reader):
    def results(text):
        groups = reader.get("/search", {"q": text}, **JSON).json()["groups"]
        return next((group["results"] for group in groups if group["kind"] == "documents"), [])

    assert results("backup")[0]["url"] == "/docs/backup"
    (first, *_) = results("inviting people")
    assert (first["title"], first["subtitle"]) == ("Inviting people", "Administration")
    assert first["url"] == "/docs/administration#inviting-people"
    assert results("unwanted ones") == results("UNWANTED  ones")
    assert results("unwanted ones")[0]["title"] == "Passwords"
    assert results("ones unwanted") == []
    assert results("") == results("%") == results("xyzzy-nowhere") == []
    assert len({found.url for found in find("log")}) == len(list(find("log")))
