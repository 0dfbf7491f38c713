"""What makes a test fail now and then, where the machine is slow or busy: refused, or named with a reason."""

import ast
import re

import pytest

from reprotech.tests.house.test_architecture import ROOT

pytestmark = pytest.mark.only_on("sqlite")  # it reads files, and asks no server

#: Where a test lets time pass: for what must not happen meanwhile, or what time itself brings about.
WAITS = {
    "accounts/tests/access/test_races.py": "a sign-in comes to a locked row; coming later, it is refused too",
    "accounts/tests/session_cache/test_invalidation_listener.py": "what is known grows too old, and a key expires",
    "analytics/tests/test_dashboard.py": "what is known of the newest event grows too old",
    "audit/tests/verification/test_verification_start.py": "between two steps, so that others get in between",
    "reprotech/tests/backup/test_backup_leftovers.py": "a backup has the name of its second",
    "reprotech/tests/browser/test_browser_dashboard_and_audit.py": "what a process knows of the log grows too old",
    "reprotech/tests/performance/test_page_weight.py": "a page comes in two pieces",
    "reprotech/tests/security/test_hostile_wire.py": "a request is being read when it breaks off, and changes nothing",
}
#: Calls that wait for something, and end without it after a time.
GIVING_UP = {"create_connection", "eventually", "result", "wait"}
#: Where something must be seen within less than half a minute.
SHORT_WAITS = {
    "accounts/tests/session_cache/test_invalidation_listener.py": "a server's pause ends by itself",
}
#: What Playwright reads at once, while `expect` waits for it.
READ_AT_ONCE = {
    *("all_inner_texts", "all_text_contents", "count", "get_attribute", "inner_text", "input_value", "is_checked"),
    *("is_disabled", "is_enabled", "is_hidden", "is_visible", "text_content", "title"),
}
FIXED_PORT = re.compile(r"""\bPORT["'\]]*\s*[=:,]\s*["']?[1-9]\d{3,4}\b""")
TODAY = re.compile(r"\bnow\([^)]*\)\.date\(\)|\bdate\.today\(\)")


def files(pattern="test_*.py"):
    """The tests, by their path from the root."""
    for path in sorted(ROOT.rglob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        if (
            name.startswith(
                (
                    "access_history/",
                    "access_requests/",
                    "accounts/",
                    "analytics/",
                    "audit/",
                    "reprotech/",
                    "reviews/",
                    "sso/",
                )
            )
            and name != OWN
        ):
            yield name, path.read_text(encoding="utf-8")


OWN = "reprotech/tests/house/test_stability.py"
TESTS = dict(files())


def lone_sleeps(text):
    """The lines that sleep once: in a loop it is the pause between two looks."""

    def visit(node, within):
        is_sleep = isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep"
        if is_sleep and not within:
            yield node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child, within or isinstance(node, ast.While | ast.For))

    return list(visit(ast.parse(text), within=False))


def read_at_once(text):
    """The assertions about what a page shows or where it is that wait for nothing."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Assert):
            continue
        for part in ast.walk(node.test):
            is_reading = isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)
            if (is_reading and part.func.attr in READ_AT_ONCE) or ast.unparse(part) == "page.url":
                yield f"{node.lineno}: {ast.unparse(part)}"


def short_waits(text):
    """The lines that give up before a slow machine is done: what is waited for comes at once on a quick one.

    Less than a second is the pause between two looks.
    """
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        limits = [word.value for word in node.keywords if word.arg in {"seconds", "timeout"}]
        limits += node.args[:1] if name in {"wait", "result"} else []
        numbers = [limit.value for limit in limits if isinstance(limit, ast.Constant) and limit.value is not None]
        if name in GIVING_UP and any(1 <= number < 30 for number in numbers):
            yield node.lineno


def test_nothing_is_given_up_before_a_slow_machine_is_done():
    assert {name for name, text in TESTS.items() if any(short_waits(text))} == SHORT_WAITS.keys()


def test_who_waits_without_looking_says_why():
    assert {name for name, text in TESTS.items() if lone_sleeps(text)} == WAITS.keys()


def test_assertions_about_a_page_wait_for_it():
    in_browser = {name: text for name, text in TESTS.items() if "playwright" in text}
    assert len(in_browser) > 15
    assert {name: found for name, text in in_browser.items() if (found := list(read_at_once(text)))} == {}


def test_no_port_is_fixed():
    assert {name: found for name, text in TESTS.items() if (found := FIXED_PORT.findall(text))} == {}


def test_what_is_counted_by_the_day_ends_before_the_day_does():
    assert [name for name, text in TESTS.items() if TODAY.search(text) and "one_day" not in text] == []


def test_these_tests_would_notice():
    assert lone_sleeps("def test():\n    time.sleep(1)\n    while True:\n        time.sleep(1)\n") == [2]
    assert list(read_at_once("assert page.url == '/'\nassert row.count() == 1\nexpect(row).to_have_count(1)")) == [
        "1: page.url",
        "2: row.count()",
    ]
    short = ["eventually(ask, seconds=5)", "done.wait(20)", "asked.result(9)"]
    waits = "\n".join([*short, "done.wait(timeout=60)", "done.wait(0.1)", "done.wait(timeout=None)", "done.result()"])
    assert list(short_waits(waits)) == [1, 2, 3]
    assert FIXED_PORT.search('env["PORT"] = "5999"')
    assert FIXED_PORT.search("PORT=59999 scripts/server")
    assert TODAY.search("timezone.now().date()")
