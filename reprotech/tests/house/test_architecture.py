"""The house rules that a machine can watch: where imports go, who writes, how long a file is."""

import ast
import subprocess
from pathlib import Path

import pytest

from reprotech import __version__

pytestmark = pytest.mark.only_on("sqlite")  # it looks at files, not at servers

ROOT = Path(__file__).resolve().parents[3]
#: An import goes to the right, never back.
ORDER = ["reprotech", "analytics", "accounts", "audit"]
#: Modules that speak with a client. They may use the project's web toolkit and accounts' doors beside their own app.
DOORS = {
    "admin",
    "admin_base",
    "api",
    "commands",
    "dashboard",
    "filters",
    "factor_forms",
    "files",
    "forms",
    "middleware",
    "user_csv",
    "user_forms",
    "views",
    "urls",
}
TOOLKIT = {
    "reprotech",
    "reprotech.api.serialization",
    "reprotech.api.exception_handler",
    "reprotech.api.fields",
    "reprotech.api.parsers",
    "reprotech.api.schema",
    "reprotech.api.viewsets",
    "reprotech.error_pages",
    "reprotech.monitoring.health",
    "reprotech.web.responses",
    "reprotech.web.lists",
    "reprotech.db.postgresql.statements",
    "reprotech.web.streaming",
}
GATE = {
    "accounts.permissions",
    "reprotech.web.admin",
    "accounts.core.exceptions",
    "accounts.authentication.api_authentication",
}
#: Packages of the project that import no app: every app stands on them.
FOUNDATION = ("reprotech.core", "reprotech.web", "reprotech.api", "reprotech.db")
LONGEST = 400


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
    """Application modules: no tests, no migrations, nothing outside the four apps."""
    return [
        path
        for path in sources()
        if path.parts[0] in ORDER and len(path.parts) > 1 and not {"tests", "migrations"} & set(path.parts)
    ]


def tree(path):
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def is_door(path):
    return bool(DOORS & {part.removesuffix(".py") for part in path.parts})


def imported(path):
    """Every module of ours that a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in ORDER)


def backward_imports(path):
    """Imports that go to an app further left than the file's own, and aren't a door's right."""
    own = ORDER.index(path.parts[0])
    backward = {
        name for name in imported(path) if ORDER.index(name.split(".")[0]) < own and not is_within(name, FOUNDATION)
    }
    if not is_door(path):
        return backward
    allowed = TOOLKIT | GATE
    return {name for name in backward if name not in allowed and name.rpartition(".")[0] not in allowed | ORDER_SET}


ORDER_SET = set(ORDER)


def is_within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_the_foundation_imports_no_app():
    found = {
        f"{path} imports {name}"
        for path in code()
        if is_within(".".join(path.with_suffix("").parts), FOUNDATION)
        for name in imported(path)
        if not is_within(name, FOUNDATION)
    }
    assert found == set()


def test_there_is_code_to_look_at():
    paths = {str(path) for path in code()}
    assert {"accounts/users/services.py", "audit/models/events.py", "reprotech/urls.py"} <= paths
    assert {"accounts.models", "accounts.models.User"} <= set(imported(Path("accounts/users/services.py")))


@pytest.mark.parametrize("app", ORDER[1:])
def test_imports_never_go_back(app):
    backward = {str(path): found for path in code() if path.parts[0] == app and (found := backward_imports(path))}
    assert backward == {}


LAYERS = [
    {"catalogue", "validators", "errors", "permissions", "token_keys"},
    {"signatures"},
    {"querysets"},
    {"models"},
    {
        "session_cache",
        "limits",
        "tokens",
        "authorization",
        "password_policy",
        "links",
        "duties",
        "devices",
    },
    {"letters"},
    {"outbox"},
    {"mail"},
    {"services"},
    DOORS,
]


def layer(name):
    """The number of the layer that a module of accounts belongs to, if any."""
    part = name.split(".")[1] if "." in name else ""
    return next((number for number, names in enumerate(LAYERS) if part in names), None)


def test_within_accounts_imports_never_go_up():
    upward = set()
    for path in code():
        if path.parts[0] != "accounts":
            continue
        own = layer(".".join(path.with_suffix("").parts))
        for name in imported(path):
            other = layer(name) if name.startswith("accounts.") else None
            if own is not None and other is not None and other > own and not for_types_alone(path, name):
                upward.add(f"{path} imports {name}")
    assert upward == set()


def for_types_alone(path, name):
    """Whether a file imports a module only for the type checker or inside a function."""
    top = {
        module
        for node in tree(path).body
        if isinstance(node, ast.ImportFrom) and node.module
        for module in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    }
    return name not in top


WRITES = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
#: Functions that write an event.
RECORDERS = {"record", "record_all"}


def model_writes(source):
    """Calls that look like a write to the database, as `receiver.method`, or that write an event."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            yield ast.unparse(node.func)
        elif isinstance(node.func, ast.Name) and node.func.id in RECORDERS:
            yield node.func.id


#: What looks like one and is none.
NO_WRITES = {"request.session.delete", "headers.update", "context.update"}


def test_a_write_would_be_found():
    source = "User.objects.filter(pk=1).update(x=1)\nuser.save()\nf(user).delete()\nrecord(r)"
    assert list(model_writes(source)) == ["User.objects.filter(pk=1).update", "user.save", "f(user).delete", "record"]


def test_doors_write_nothing():
    doors = [path for path in code() if is_door(path)]
    assert len(doors) > 15
    found = {
        str(path): writes
        for path in doors
        if (writes := set(model_writes((ROOT / path).read_text(encoding="utf-8"))) - NO_WRITES)
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
    assert {path: count for path, count in lines.items() if count > LONGEST} == {}
