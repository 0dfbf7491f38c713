"""How Sphinx makes the site from these pages; `scripts/docs` runs it. All that the site loads lies in it."""

import json
import re
from pathlib import Path

from sphinx.application import Sphinx

project = "Reprotech"
root_doc = "index"
exclude_patterns = ["screenshots"]
extensions = ["myst_parser"]
myst_heading_anchors = 4
highlight_language = "text"

#: The order of the pages, as in the product's help. It stands outside of index.md, so that this reads as well where
#: nothing makes a site of it.
NAVIGATION = json.loads(Path(__file__).with_name("navigation.json").read_text(encoding="utf-8"))
#: Pages under another one, as a pattern in its folder.
PARTS = {"adr/README": "0*"}

html_theme = "furo"
html_title = "Reprotech"
html_favicon = html_logo = "../static/img/mark.svg"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_last_updated_fmt = None
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
# As on the pages of the product: static/css/reprotech.css.
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0f6e66",
        "color-brand-content": "#0f6e66",
        "color-brand-visited": "#0b554f",
    },
    "dark_css_variables": {
        "color-brand-primary": "#55c2b6",
        "color-brand-content": "#55c2b6",
        "color-brand-visited": "#7fd6cc",
    },
    "top_of_page_buttons": [],
}

#: A link by a file's name, as one wants it beside the files.
NAMED_BY_FILE = re.compile(r"\[(?:docs/)?([\w-]+\.md)\]\((\1(?:#[\w-]+)?)\)")


def prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """What the site says otherwise than the file: links bear the titles of pages, and the first page navigates."""
    source[0] = NAMED_BY_FILE.sub(r"[](\2)", source[0])
    if page == app.config.root_doc:
        source[0] += "".join(toctree(f":caption: {caption}", pages) for caption, pages in NAVIGATION.items())
    if page in PARTS:
        source[0] += toctree(":glob:", [PARTS[page]])


def toctree(option: str, pages: list[str]) -> str:
    """A part of the navigation that stands next to every page."""
    return "\n".join(["", "```{toctree}", ":hidden:", option, "", *pages, "```", ""])


#: What the theme's HTML lacks for who can't see it or has no mouse.
AMENDMENTS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer': '<aside aria-label="Parts of this page" class="toc-drawer',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper ': '<div tabindex="0" class="table-wrapper ',
    '<th class="head"><p></p></th>': "<td></td>",
    '<div id="search-results">': '<h1>Search</h1><div id="search-results">',
}


def amend(app: Sphinx, failure: Exception | None) -> None:
    """Amend the pages once they are written."""
    for page in app.outdir.rglob("*.html") if failure is None else ():
        text = page.read_text(encoding="utf-8")
        for theirs, ours in AMENDMENTS.items():
            text = text.replace(theirs, ours)
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", prepare)
    app.connect("build-finished", amend)
