"""The standalone verifier, for tests: as a module, and as an auditor calls it."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "scripts" / "verify-export"


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
