"""The pictures of README.md and docs/ are those that `scripts/screenshots --docs` makes, each small and in use."""

import re
import struct

import pytest
from django.urls import resolve

from accounts.users.default_data import DOCUMENTED_PASSWORD
from reprotech.testing.plugin import ROOT
from scripts.screenshot_scenes import ADMINISTRATOR, DOCUMENT_PICTURES, SCENES

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files

IMAGES = ROOT / "docs" / "images"
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
MAX_BYTES = 250_000


def used():
    """(alternative text, file) of each picture in a page."""
    for page in PAGES:
        for alternative, address in re.findall(r"!\[([^\]]*)\]\(([^)]+\.png)\)", page.read_text(encoding="utf-8")):
            yield alternative, (page.parent / address).resolve()


def test_each_picture_is_made_by_the_script_exists_and_is_used():
    files = {path.name for path in IMAGES.glob("*.png")}
    assert files == set(DOCUMENT_PICTURES)
    assert {path for _, path in used()} == {IMAGES / name for name in files}
    assert {"dashboard-light.png", "users-light.png", "person-light.png", "audit-dark.png"} <= files


def test_each_picture_says_what_it_shows():
    assert [path.name for alternative, path in used() if len(alternative) < 20] == []


@pytest.mark.parametrize("name", DOCUMENT_PICTURES)
def test_a_picture_is_small_and_as_wide_as_the_others(name):
    content = (IMAGES / name).read_bytes()
    assert len(content) < MAX_BYTES
    assert struct.unpack(">II", content[16:24]) == (1280, 800)
    scheme, _ = DOCUMENT_PICTURES[name]
    assert name.removesuffix(".png").endswith(scheme)


def test_what_is_photographed_has_an_address_and_no_warning_of_the_documented_password():
    scenes = [*SCENES.values(), *(scene for _, scene in DOCUMENT_PICTURES.values())]
    for scene in scenes:
        path = re.sub(r"{\w+}", "1", scene.path).partition("?")[0]
        if scene.status != 404:
            assert resolve(path).func.__name__ != "unknown_path", scene.path
    assert ADMINISTRATOR[1] != DOCUMENTED_PASSWORD
