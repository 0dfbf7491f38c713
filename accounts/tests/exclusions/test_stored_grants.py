"""Where grants of roles are stored, the exclusions are compared."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

STORING = {"RoleGrant.objects.bulk_create", "RoleGrant.objects.create", "grant.save", "merged.save"}
#: What stores grants, and so compares them with the exclusions; the others give nobody anything.
STORE = {
    "accounts/periods/grants.py": "compares",
    "accounts/roles/grant_changes.py": "compares",
    "accounts/users/services.py": "compares",
    "accounts/users/csv/import_users.py": "compares",
    "accounts/models/role_grants.py": "for shells and tests",
}


@pytest.mark.only_on("sqlite")  # it reads files
def test_grants_are_stored_where_they_are_compared_and_nowhere_else():
    """A call that creates grants, or saves one, in a module that names RoleGrant."""
    found = set()
    for path in (ROOT / "accounts").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "RoleGrant" not in text or {"tests", "migrations"} & set(path.parts):
            continue
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if ast.unparse(node.func) in STORING
        }
        found |= {str(path.relative_to(ROOT))} if calls else set()
    assert found == STORE.keys()
    for path, why in STORE.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        assert why != "compares" or "checked_rights" in text or "refuse_excluded" in text
