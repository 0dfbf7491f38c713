"""The picture of the architecture shows the packages, layers and imports that there are."""

import ast
import re
import tomllib
import xml.etree.ElementTree as ET
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files

ROOT = Path(settings.BASE_DIR)
APPS = ("access_history", "access_requests", "accounts", "analytics", "audit", "reprotech", "reviews", "sso")
PICTURE = ET.parse(ROOT / "docs" / "images" / "architecture.svg").getroot()  # noqa: S314 (it is our own file)
#: {the packages of a box: the box}, and arrows as pairs of boxes.
BOXES = {box.get("data-package"): box for box in PICTURE.iter() if box.get("data-package")}
ARROWS = {(arrow.get("data-from"), arrow.get("data-to")) for arrow in PICTURE.iter() if arrow.get("data-from")}
BOX_OF = {package: packages for packages in BOXES for package in packages.split()}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def modules():
    paths = [path.relative_to(ROOT) for app in APPS for path in (ROOT / app).rglob("*.py")]
    return [path for path in paths if not {"tests", "testing", "migrations"} & set(path.parts)]


def box_of(name):
    """The box of a module; None for the version, which stands in a module that imports nothing."""
    if re.fullmatch(r"reprotech(\.__\w+__)?", name):
        return None
    inside = [package for package in BOX_OF if f"{name}.".startswith(f"{package}.")]
    return BOX_OF[max(inside, key=len)] if inside else None


def imported(path):
    """What a module imports, and the modules that settings and addresses name, which Django imports."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and is_module(node.value):
            yield node.value


def is_module(text):
    path = ROOT / str(text).replace(".", "/")
    is_named = isinstance(text, str) and re.fullmatch(rf"({'|'.join(APPS)})(\.\w+)+", text)
    return bool(is_named) and (path.with_suffix(".py").exists() or path.is_dir())


def real_imports():
    """(from, to) of every import between two boxes, with an example."""
    found = {}
    for path in modules():
        own = box_of(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
        for name in imported(path):
            other = box_of(name)
            if None not in (own, other) and other != own:
                found[own, other] = f"{path} imports {name}"
    return found


def reached():
    """(from, to) of every two boxes that arrows connect, directly or through others."""
    pairs = set(ARROWS)
    for through, start, end in product(BOXES, BOXES, BOXES):
        if {(start, through), (through, end)} <= pairs:
            pairs.add((start, end))
    return pairs


def test_every_import_between_boxes_goes_along_arrows():
    assert {*APPS, "reprotech.core"} <= set(BOX_OF)
    pairs = reached()
    assert {example for pair, example in real_imports().items() if pair not in pairs} == set()


def test_every_arrow_is_an_import():
    assert ARROWS - set(real_imports()) == set()


def test_arrows_never_lead_back():
    assert [(start, end) for start, end in reached() if (end, start) in reached()] == []


@pytest.mark.parametrize("app", ["access_history", "access_requests", "accounts", "audit", "reviews", "sso"])
def test_the_layers_of_an_app_are_those_that_are_checked(app):
    contract = next(contract for contract in CONTRACTS if contract.get("containers") == [app])
    shown = [text.text.split(", ") for text in BOXES[app].iter() if text.get("class") == "layer"]
    assert shown == [re.split(r" [:|] ", layer) for layer in contract["layers"]]
