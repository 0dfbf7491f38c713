"""docs/security-map.md names every requirement of its chapters, and tests that exist."""

import ast
import re
from collections import Counter

import pytest

from reprotech.testing.plugin import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files, not at servers

MAP = (ROOT / "docs" / "security-map.md").read_text(encoding="utf-8")
DECISIONS = (ROOT / "docs" / "security-decisions.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([\d.]+(?:-\d+)?) \|(?: ([123]) \|)? (.+?) \| (\S+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")
PENDING = re.compile(r"\(pending: [a-z]+\)")
#: How many requirements the sections of the chapters have (OWASP ASVS 5.0.0).
SECTIONS = {
    "6": (3, 12, 8, 6, 8, 4, 2, 4),
    "7": (3, 4, 2, 5, 3, 2),
    "8": (4, 4, 3, 2),
    "9": (3, 4),
    "10": (2, 3, 5, 16, 5, 2, 3),
    "14": (2, 8, 3),
    "16": (1, 5, 4, 3, 4),
}
STATES = {"met", "document", "choice", "operator", "n/a", "no"}


def rows():
    return [match.groups() for match in ROW.finditer(MAP)]


def exists(path, name):
    file = ROOT / path
    functions = ast.parse(file.read_text(encoding="utf-8")).body if file.exists() else []
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in functions)


def test_every_requirement_of_the_chapters_stands_in_the_map_once():
    wanted = {
        f"{chapter}.{section}.{number}"
        for chapter, counts in SECTIONS.items()
        for section, count in enumerate(counts, 1)
        for number in range(1, count + 1)
    }
    found = Counter(number for number, level, *_ in rows() if level)
    assert set(found) == wanted
    assert set(found.values()) == {1}
    assert all(state in STATES for *_, state, _ in rows())


def test_no_row_is_overlooked_and_each_has_its_proof_or_reason():
    lines = [line for line in MAP.splitlines() if re.match(r"\| \d", line)]
    assert len(rows()) == len(lines) > 200
    known = {number for number, *_ in rows()}
    for number, _, _, state, proof in rows():
        said = NAMED.findall(proof) or any(f" {other}" in f" {proof}" for other in known - {number})
        assert said or state in {"document", "operator", "n/a", "no"}, number


#: Applications are the laboratory's own, so that nobody is asked for consent: the row says what remains.
DECIDED_AGAINST = ["10.7.1"]


def test_no_level_2_requirement_is_unmet_but_what_was_decided_against():
    assert [number for number, level, _, state, _ in rows() if level in {"1", "2"} and state == "no"] == DECIDED_AGAINST


@pytest.mark.parametrize("mentioned", sorted(set(NAMED.findall(PENDING.sub("", MAP)))), ids="::".join)
def test_a_test_that_the_map_names_exists(mentioned):
    parts = [part for part in re.split(r"[;|]|\. ", MAP) if "`{}::{}`".format(*mentioned) in part]
    if exists(*mentioned):
        assert not all(PENDING.search(part) for part in parts), "It is here now: take the mark (pending: ...) away."
    else:
        assert all(PENDING.search(part) for part in parts)


def test_what_the_map_refers_to_is_there():
    for heading in re.findall(r"\[security-decisions\.md\]\(security-decisions\.md\), ([A-Z][a-z ]+)", MAP):
        assert f"\n## {heading.strip()}\n" in DECISIONS, heading
    assert "(security-map.md)" in DECISIONS
    assert "(security-map.md)" in (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
