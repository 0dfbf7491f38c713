"""Markdown of `docs/` as HTML that the strict content security policy allows."""

import posixpath
import re
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

#: Where the pictures are, within `docs/` and among the static files.
IMAGES, STATIC_IMAGES = "images", "docs"
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")
VIEW_BOX = re.compile(rb'viewBox="0 0 (\d+) (\d+)"')
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, and what stands below it until the next one."""

    level: int
    heading: str
    anchor: str
    text: str


def parts_of(text: str) -> list[Part]:
    """The headings, with the anchors that GitHub and the site of `scripts/docs` give them as well."""
    # Only headings need their inline markup read, which is what takes time.
    tokens, inline = _parser().disable("inline").parse(text), _parser()
    starts = [position for position, token in enumerate(tokens) if token.type == "heading_open"]
    parts: list[Part] = []
    used: Counter[str] = Counter()
    for start, end in pairwise([*starts, len(tokens)]):
        heading = "".join(inner.content for inner in inline.parseInline(tokens[start + 1].content)[0].children or [])
        anchor = NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")
        text_below = " ".join(token.content for token in tokens[start + 2 : end])
        name = f"{anchor}-{used[anchor]}" if used[anchor] else anchor
        used[anchor] += 1
        parts.append(Part(int(tokens[start].tag[1:]), heading, name, text_below))
    return parts


def render(text: str, name: str, docs: Path) -> SafeString:
    """The document `name`, whose links and pictures are relative to it."""
    parser = _parser()
    tokens = parser.parse(text)
    headings = [token for token in tokens if token.type == "heading_open"]
    for heading, part in zip(headings, parts_of(text), strict=True):
        heading.attrSet("id", part.anchor)
    for inner in (inner for token in tokens for inner in token.children or []):
        if inner.type == "link_open":
            inner.attrSet("href", page_address(str(inner.attrGet("href")), name))
        elif inner.type == "image":
            _place_image(
                inner, posixpath.normpath(posixpath.join(posixpath.dirname(name), str(inner.attrs["src"]))), docs
            )
    # The text comes with the code, and markup in it is escaped.
    return mark_safe("".join(_blocks(parser, tokens)))  # noqa: S308  # nosec B308 B703


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def page_address(link: str, name: str) -> str:
    """What `[…](link)` in the document `name` leads to within the product."""
    path, mark, anchor = link.partition("#")
    if not path or not path.endswith(".md") or "://" in path:
        return link
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)).removesuffix(".md")
    return (reverse("documents") if target == "index" else reverse("document", args=[target])) + mark + anchor


def _place_image(image: Token, path: str, docs: Path) -> None:
    image.attrSet("src", static(f"{STATIC_IMAGES}/{path.removeprefix(f'{IMAGES}/')}"))
    image.attrSet("loading", "lazy")
    # Its room is kept until it is there, or what one reads would jump.
    if size := _size_of((docs / path).read_bytes()):
        image.attrSet("width", str(size[0]))
        image.attrSet("height", str(size[1]))


def _size_of(content: bytes) -> tuple[int, int] | None:
    if content.startswith(PNG):
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    found = VIEW_BOX.search(content)
    return (int(found[1]), int(found[2])) if found else None


def _blocks(parser: MarkdownIt, tokens: Sequence[Token]) -> list[str]:
    """The HTML, token by token: what the library would write otherwise is written here."""
    html: list[str] = []
    is_empty_head = False
    for position, token in enumerate(tokens):
        if token.type == "fence":
            html.append(render_to_string("documents/_code_block.html", {"number": position, "content": token.content}))
        elif token.type == "table_open":
            html.append('<div class="table-scroll" tabindex="0"><table>')
        elif token.type == "table_close":
            html.append("</table></div>")
        elif token.type in {"th_open", "td_open"}:
            # A column's alignment would be an inline style. The head of a column without a name is no head.
            is_empty_head = token.type == "th_open" and not tokens[position + 1].content
            opening = "<td>" if token.type == "td_open" or is_empty_head else '<th scope="col">'
            html.append(
                opening.replace(">", ' class="number">') if "right" in str(token.attrs.get("style")) else opening
            )
        elif token.type == "th_close":
            html.append("</td>" if is_empty_head else "</th>")
        else:
            html.append(parser.renderer.render([token], parser.options, {}))
    return html
