"""The standalone verifier, for tests: as a module, and as an auditor calls it."""

import contextlib
import copy
import importlib.machinery
import importlib.util
import io
import json
from pathlib import Path

#: What the first line says of itself and nothing proves.
CLAIMS = {"made_at", "unsealed", "filters"}
PROGRAM = Path(__file__).resolve().parents[3] / "scripts" / "verify-export"


def _load():
    loader = importlib.machinery.SourceFileLoader("verify_export", str(PROGRAM))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("verify_export", loader))
    loader.exec_module(module)
    return module


module = _load()


def verify(content, *options):
    """Exit code and output of the verifier for a file of this content, which it reads from standard input."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.ExitStack() as stack:
        stack.callback(setattr, module.sys, "stdin", module.sys.stdin)
        module.sys.stdin = io.TextIOWrapper(io.BytesIO(content))
        code = module.main(["-", *map(str, options)])
    return code, output.getvalue()


def lines_of(content):
    """The lines of a bundle as objects."""
    return [json.loads(line) for line in content.splitlines()]


def file_of(lines):
    """A bundle of these objects."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def assert_proven(content, *options):
    code, output = verify(content, *options)
    assert code == 0, output
    assert "WRONG" not in output
    return output


def assert_refused(content, *options, names=""):
    code, output = verify(content, *options)
    assert code == 1, output
    assert names in output
    return output


def altered(value):
    """Values of the same kind that differ."""
    if isinstance(value, bool):
        return [not value, int(value), None]
    if isinstance(value, int):
        return [value + 1, -value - 1, str(value)]
    if isinstance(value, str):
        other = "0" if value[:1] != "0" else "1"
        return [other + value[1:], value + "0", value[:-1] if value else None, None]
    if value is None:
        return ["", 0, {}]
    return [None, [], {}, [value]] if value else [None, 0]


def places_in(value, path=()):
    """The path of every value within a line."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places_in(inner, (*path, key))


def with_value(line, path, value):
    line = copy.deepcopy(line)
    inner = line
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return line


def value_at(line, path):
    for key in path:
        line = line[key]
    return line


def mutations(line, skip=()):
    for path in places_in(line):
        if not path or path[0] in skip:
            continue
        old = value_at(line, path)
        for value in altered(old):
            if value != old or type(value) is not type(old):
                yield path, with_value(line, path, value)
