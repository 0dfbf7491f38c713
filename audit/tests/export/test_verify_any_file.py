"""The standalone verifier as a program: whatever it is given, it says in a sentence what it found."""

import ast
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as some

from audit.tests.support.sealed_log import complete, first_key, selection, write_events
from audit.tests.support.standalone_verifier import (
    CLAIMS,
    PROGRAM,
    assert_refused,
    file_of,
    lines_of,
    places_in,
    verify,
    with_value,
)

pytestmark = pytest.mark.only_on("sqlite")  # the verifier has a file and no database


@pytest.fixture
def events(db):
    return write_events()


@pytest.fixture
def options(events):
    """How an auditor calls it who has the first key."""
    return ["--key", first_key()]


BYTES = some.binary(max_size=200) | some.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass"))
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@rules(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
@pytest.mark.slow
def test_no_bytes_whatever_make_it_fail_otherwise_than_by_saying_so(events, options, data):
    content = selection(pk__gte=events[4].pk)
    lines = lines_of(content)
    kind = data.draw(some.sampled_from(["noise", "bytes", "json"]))
    if kind == "noise":
        bad = data.draw(BYTES)
    elif kind == "bytes":
        first, last = sorted(data.draw(some.tuples(*[some.integers(0, len(content))] * 2)))
        bad = content[:first] + data.draw(BYTES) + content[min(last, first + 20) :]
    else:
        index = data.draw(some.integers(0, len(lines) - 1))
        path = data.draw(some.sampled_from([path for path in places_in(lines[index]) if path]))
        bad = file_of([*lines[:index], with_value(lines[index], path, data.draw(JSON)), *lines[index + 1 :]])
    code, output = verify(bad, *options)
    assert code in {0, 1}
    assert "Traceback" not in output
    if code == 0:  # a blank, or a claim
        same = lines_of(bad)
        assert same[1:] == lines[1:]
        assert {name: same[0][name] for name in same[0].keys() - CLAIMS} == {
            name: lines[0][name] for name in lines[0].keys() - CLAIMS
        }


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b"[]", b"null", b"9" * 5_000, b"{}\n{}\n", b"\0" * 99],
)
def test_a_file_that_is_no_bundle_is_refused_in_a_sentence(options, content):
    assert_refused(content, *options, names="WRONG: the file, or what was given with it")


def test_it_runs_by_itself_and_says_with_its_exit_code_what_it_found(events, options, tmp_path):
    def run(*words):
        done = subprocess.run(
            [sys.executable, "-I", PROGRAM, *words], capture_output=True, check=False, text=True, env={"LANG": "C"}
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(complete())
    bad.write_bytes(complete().replace(b"clerk-3", b"clerk-4"))
    assert run(good, *options)[0] == 0
    code, output = run(bad, *options)
    assert code == 1
    assert f"event {events[3].pk}: the event is not what was sealed" in output
    assert run(tmp_path / "missing", *options)[0] == 2
    assert run(tmp_path, *options)[0] == 2
    assert run(good, "--key", "nonsense")[0] == 2
    assert run(good, *options, "--checkpoint", tmp_path / "missing")[0] == 2
    assert run()[0] == 2


def test_it_needs_nothing_but_the_standard_library():
    tree = ast.parse(PROGRAM.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names
