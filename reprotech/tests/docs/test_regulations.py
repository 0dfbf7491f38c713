"""docs/regulations.md has every clause once, and names what shows that it is met: tests that exist, parts of guides."""

import re
from collections import Counter
from functools import cache

import pytest

from reprotech.testing.plugin import ROOT
from reprotech.tests.security.test_security_map import NAMED, exists

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files

PAGE = (ROOT / "docs" / "regulations.md").read_text(encoding="utf-8")
STATES = {"yes", "part", "no", "laboratory"}
LINKED = re.compile(r"\]\(([a-z/-]+\.md)(?:#[^)]*)?\)")
#: What each regulation has, so that no clause is left out or stands twice. A dagger: its number wasn't compared.
CLAUSES = {
    "21 CFR Part 11": (
        *(f"11.10({letter})" for letter in "abcdefghijk"),
        *("11.30", "11.50", "11.70", "11.100(a)", "11.100(b)", "11.100(c)"),
        *("11.200(a)(1)", "11.200(a)(2)", "11.200(a)(3)", "11.200(b)"),
        *(f"11.300({letter})" for letter in "abcde"),
    ),
    "EU GMP Annex 11, 2011": (
        *(str(number) for number in range(1, 7)),
        *("7.1†", "7.2†", "8.1†", "8.2†", "9", "10", "11", "12.1†", "12.2†", "12.3†", "12.4†"),
        *(str(number) for number in range(13, 18)),
    ),
    "EU GMP Annex 11, draft of July 2025": (
        *(f"11.{number}†" for number in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11)),
        *(f"12.{number}" for number in range(2, 10)),
        *(f"{number}†" for number in range(13, 18)),
    ),
    "ISO/IEC 17025:2017": (
        *("6.2.5", "6.2.6", "7.11.1", "7.11.2"),
        *(f"7.11.3 {letter})" for letter in "abcde"),
        *("7.11.4", "7.11.5", "7.11.6", "8.4†"),
    ),
    "ISO 15189:2022": ("4.2.1†", "6.2.3", "6.2.5", "7.6.1†", "7.6.2†", "7.6.3†", "7.6.4†", "7.6.5†", "8.4†"),
    "GAMP 5": (*("category", "supplier", "requirements", "qualification", "configuration", "operation", "retirement"),),
    "GDPR": ("5(1)(c)", "5(1)(e)", "5(2)", "13", "15", "16", "17", "17(3)(b)", "20", "25", "32", "33", "35"),
}


@cache
def lines():
    """Of each regulation: (clause, what it asks, state, what shows it, what the laboratory does)."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[1:]
    found = {}
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        _head, _rule, *rows = [line for line in text.splitlines() if line.startswith("|")]
        found[title] = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return found


def every_line():
    return [(title, row) for title, rows in lines().items() for row in rows]


def test_every_clause_stands_there_once():
    assert list(lines()) == list(CLAUSES)
    for title, rows in lines().items():
        assert Counter(clause for clause, *_ in rows) == Counter(CLAUSES[title]), title


def test_each_line_is_whole_and_no_state_goes_without_evidence():
    for title, row in every_line():
        assert len(row) == 5, (title, row)
        clause, asks, state, shown, laboratory = row
        where = (title, clause)
        assert asks, where
        assert shown, where
        assert (where, state in STATES) == (where, True)
        if state == "yes":
            assert NAMED.search(shown) or refers_to(title, shown), where
        elif state == "part":
            assert NAMED.search(shown) or LINKED.search(shown) or refers_to(title, shown), where
        # What the product doesn't do whole, the laboratory must.
        assert laboratory != "-" or state == "yes", where


def refers_to(title, text):
    """Whether a line says "as" another one, which names a test itself."""
    found = re.match(r"As (?:(Annex 11|ISO/IEC 17025), )?([\w.()]+)", text)
    if not found:
        return False
    regulation = {"Annex 11": "EU GMP Annex 11, 2011", "ISO/IEC 17025": "ISO/IEC 17025:2017"}.get(found[1], "")
    of_cfr = "21 CFR Part 11" if found[2].startswith("11.") and not regulation else title
    rows = {clause.rstrip("†"): shown for clause, _, _, shown, _ in lines()[regulation or of_cfr]}
    rows |= {clause[: clause.index(" ")]: shown for clause, shown in rows.items() if clause.startswith("7.11.3 ")}
    named = rows[found[2]]
    return bool(NAMED.search(named)) or refers_to(regulation or of_cfr, named)


@pytest.mark.parametrize("mentioned", sorted(set(NAMED.findall(PAGE))), ids="::".join)
def test_a_test_that_the_page_names_exists(mentioned):
    assert exists(*mentioned)


def test_the_page_is_found_by_auditors():
    """That its links lead to parts of documents, a test of all documents says."""
    for document in ("docs/index.md", "docs/audit.md", "README.md"):
        assert "regulations.md" in (ROOT / document).read_text(encoding="utf-8"), document
