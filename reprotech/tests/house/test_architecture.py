"""Rules of the house that a machine can check: size of files and folders, who writes, where names are spelled.

`lint-imports` checks which package may import which (pyproject.toml); one test here runs it.
"""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from reprotech import __version__

pytestmark = pytest.mark.only_on("sqlite")  # it reads files, and asks no server

ROOT = Path(__file__).resolve().parents[3]
APPS = ("reprotech", "analytics", "reviews", "access_requests", "sso", "access_history", "accounts", "audit")
MAX_LINES = 400
MAX_MODULES = 15
#: Names of modules that speak with a client: they read input, call one thing and render.
DOORS = {"admin", "api", "commands", "dashboard", "filters", "forms", "middleware", "serializers", "urls", "views"}


def sources():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(name) for name in listed.stdout.split() if (ROOT / name).exists()]


def code():
    """Application modules: no tests, no migrations, nothing outside the apps."""
    return [
        path
        for path in sources()
        if path.parts[0] in APPS and len(path.parts) > 1 and not {"tests", "testing", "migrations"} & set(path.parts)
    ]


def tree(path):
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def is_door(path):
    """Whether a module is a door by its name, or its package's: `users/bulk_views.py`, `audit/api/views.py`."""
    names = [part.removesuffix(".py") for part in path.parts]
    return bool(DOORS & set(names)) or names[-1].endswith(("_views", "_api", "_middleware"))


def imported(path):
    """Every module of ours that a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names}


def test_there_is_code_to_look_at():
    paths = {str(path) for path in code()}
    assert {"accounts/users/services.py", "audit/models/events.py", "reprotech/urls.py"} <= paths
    assert {"accounts.models", "accounts.models.User"} <= set(imported(Path("accounts/users/services.py")))
    assert is_door(Path("accounts/users/bulk_views.py"))
    assert not is_door(Path("accounts/users/services.py"))


def test_imports_go_one_way():
    """Run with these sources, not with an installed copy of them."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_services_import_no_views():
    """What speaks with a client stands on services, models and querysets, and these never on it."""
    doors = {".".join(path.with_suffix("").parts): path for path in code() if is_door(path)}
    found = {
        f"{path} imports {name}"
        for path in code()
        if path.name in {"services.py", "authorization.py", "querysets.py"} or "models" in path.parts
        for name in imported(path)
        if name in doors
    }
    assert found == set()


WRITES = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}


def model_writes(source):
    """Calls that look like a write to the database or to the audit log, as `receiver.method`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        is_write = isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
        if is_write or (isinstance(node.func, ast.Name) and node.func.id == "record"):
            yield ast.unparse(node.func)


#: What looks like one and is none.
NO_WRITES = {"request.session.delete", "headers.update", "context.update"}
#: Commands that an operator runs on the server are on record by themselves.
RECORDING = {"record"}


def test_a_write_would_be_found():
    source = (
        "class V:\n def post(self, r):\n  User.objects.filter(pk=1).update(x=1)\n  user.save()\n  f(user).delete()\n"
        "  record(actor=r.user)"
    )
    found = ["User.objects.filter(pk=1).update", "user.save", "f(user).delete", "record"]
    assert list(model_writes(source)) == found


def test_doors_write_nothing():
    doors = [path for path in code() if is_door(path)]
    assert len(doors) > 15
    found = {
        str(path): writes
        for path in doors
        if (
            writes := set(model_writes((ROOT / path).read_text(encoding="utf-8")))
            - NO_WRITES
            - (RECORDING if "commands" in path.parts else set())
        )
    }
    assert found == {}


def test_permission_names_and_roles_are_spelled_in_one_place():
    """Doors gate by constants; a name in quotes would survive a typo."""
    from accounts.core.catalogue import PERMISSION_NAMES, ROLES

    names = set(PERMISSION_NAMES) | {role.slug for role in ROLES} | {role.name for role in ROLES}
    found = {
        f"{path}:{node.lineno} {node.value}"
        for path in code()
        if is_door(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and node.value in names - {"admin"}
    }
    assert found == set()


def test_the_version_is_written_in_one_module():
    written = [str(path) for path in sources() if f'"{__version__}"' in (ROOT / path).read_text(encoding="utf-8")]
    assert written == ["reprotech/__init__.py"]


def test_no_file_is_too_long():
    """But for migrations, which are as long as the tables that they make, and are never changed."""
    lines = {
        str(path): len((ROOT / path).read_text().splitlines()) for path in sources() if "migrations" not in path.parts
    }
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}


def test_no_folder_holds_too_many_modules():
    # Migrations only ever become more, and nobody looks for a subject among them.
    named = (path for path in sources() if path.name != "__init__.py" and path.parent.name != "migrations")
    modules = Counter(str(path.parent) for path in named)
    assert {folder: count for folder, count in modules.items() if count > MAX_MODULES} == {}
