"""The documents that there are, in the order in which they are read. They come with the code and never change."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString

from reprotech.core.normalization import fold_text
from reprotech.documents.markdown import Part, parts_of, render

DOCS = Path(settings.BASE_DIR) / "docs"
HOME = "index"
#: Headings that "On this page" lists.
LISTED_LEVELS = {2, 3}
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Document:
    #: Its path in `docs/`, without its ending.
    name: str
    text: str

    @property
    def title(self) -> str:
        found = TITLE.search(self.text)
        return found[1] if found else self.name

    @property
    def url(self) -> str:
        return reverse("documents") if self.name == HOME else reverse("document", args=[self.name])

    @cached_property
    def html(self) -> SafeString:
        return render(self.text, self.name, DOCS)

    @cached_property
    def parts(self) -> list[Part]:
        return parts_of(self.text)

    @property
    def listed_parts(self) -> list[Part]:
        return [part for part in self.parts if part.level in LISTED_LEVELS]


@dataclass(frozen=True, slots=True)
class Found:
    document: Document
    part: Part

    @property
    def url(self) -> str:
        return self.document.url if self.part.level == 1 else f"{self.document.url}#{self.part.anchor}"


@cache
def documents() -> dict[str, Document]:
    """By name: what an address names is looked up here and never in the file system."""
    found = {
        path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in DOCS.rglob("*.md")
    }
    return {name: Document(name, text) for name, text in found.items()}


@cache
def sections() -> dict[str, list[Document]]:
    """What stands in the navigation, by who reads it."""
    chosen = json.loads((DOCS / "navigation.json").read_text(encoding="utf-8"))
    return {title: [documents()[name] for name in names] for title, names in chosen.items()}


def neighbours(document: Document) -> tuple[Document | None, Document | None]:
    """Those that are read before and after it."""
    order = [documents()[HOME], *(one for section in sections().values() for one in section)]
    if document not in order:
        return None, None
    place = order.index(document)
    return (order[place - 1] if place else None), (order[place + 1] if place + 1 < len(order) else None)


def find(folded: str) -> Iterator[Found]:
    """Parts of documents whose title or else heading has words that begin so, then those whose text has the words."""
    typed = [f" {word}" for word in WORD.findall(folded)]
    wanted = (typed, typed, ["".join(typed)])
    for index in range(len(wanted)) if typed else ():
        for found, texts in index_of_words():
            # A part that its title lets in is not named again for its text.
            matching = [place for place, words in enumerate(wanted) if all(word in texts[place] for word in words)]
            if matching[:1] == [index]:
                yield found


@cache
def index_of_words() -> list[tuple[Found, tuple[str, str, str]]]:
    """Title, heading and text of each part. The server builds it before it forks, so that the first search is quick."""
    order = [documents()[HOME], *(one for section in sections().values() for one in section)]
    order += [one for one in documents().values() if one not in order]
    return [
        (
            Found(document, part),
            (
                _words(document.title if part.level == 1 else ""),
                _words(f"{document.title} {part.heading}"),
                _words(f"{document.title} {part.heading} {part.text}"),
            ),
        )
        for document in order
        for part in document.parts
    ]


def _words(text: str) -> str:
    """Each word behind a blank, so that what begins one is found without splitting the text for every letter typed."""
    return "".join(f" {word}" for word in WORD.findall(fold_text(text)))
