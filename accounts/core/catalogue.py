"""The 39 permissions and 7 system roles; `init_data` brings the database in line with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class PermissionEntry:
    """The permission for an action with a kind of resource."""

    resource: str
    action: str
    description: str

    @property
    def name(self) -> str:
        return f"{self.resource}_{self.action}"


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """One system role; `holds` lists permission names or patterns, `-` in front takes away again."""

    name: str
    slug: str
    description: str
    holds: str
    #: Whether people may ask for it, where nobody chose otherwise.
    is_requestable: bool = False

    @property
    def permissions(self) -> frozenset[str]:
        held: set[str] = set()
        for pattern in self.holds.split():
            matches = {name for name in PERMISSION_NAMES if fnmatchcase(name, pattern.lstrip("-"))}
            held = held - matches if pattern.startswith("-") else held | matches
        return frozenset(held)


#: resource, what it is called in a sentence, actions
RESOURCES = (
    ("user", "users", "create read update delete"),
    ("role", "roles", "create read update delete"),
    ("audit", "the audit log", "read export"),
    ("analytics", "analytics", "read"),
    ("settings", "settings", "read update"),
    ("session", "sessions of other users", "revoke"),
    ("animal", "animals", "create read update delete"),
    ("sample", "samples", "create read update delete"),
    ("lab_test", "laboratory tests", "create read update approve"),
    ("procedure", "procedures", "create read update"),
    ("customer", "customers", "create read update delete"),
    ("inventory", "inventory", "read update"),
    ("report", "reports", "create read export"),
    ("genomics", "genomics data", "read"),
)
#: What Reprotech itself manages; the other resources belong to the lab's modules.
OWN_RESOURCES = ("user", "role", "audit", "analytics", "settings", "session")
RESOURCE_WORDS = {resource: what for resource, what, _ in RESOURCES}
READ = "read"

PERMISSIONS = tuple(
    PermissionEntry(resource, action, f"{action.capitalize()} {what}")
    for resource, what, actions in RESOURCES
    for action in actions.split()
)

PERMISSION_NAMES = tuple(permission.name for permission in PERMISSIONS)

SUPER_ADMIN = "super_admin"
ADMIN = "admin"

ROLES = (
    RoleEntry(
        "Super Administrator",
        SUPER_ADMIN,
        "Full system access with all permissions",
        "*",
    ),
    RoleEntry(
        "Administrator",
        ADMIN,
        "Administrative access with user management capabilities",
        "* -role_delete -settings_update",
    ),
    RoleEntry(
        "Manager",
        "manager",
        "Oversight and analytics access",
        "*_read audit_export report_* lab_test_approve customer_* inventory_update",
    ),
    RoleEntry(
        "Researcher",
        "researcher",
        "Research data and analysis access",
        "animal_read sample_read lab_test_read procedure_read genomics_read inventory_read "
        "sample_create sample_update lab_test_create lab_test_update report_*",
        is_requestable=True,
    ),
    RoleEntry(
        "Veterinarian",
        "veterinarian",
        "Clinical and animal health management",
        "animal_* procedure_* sample_read customer_read inventory_read "
        "lab_test_create lab_test_read report_create report_read",
        is_requestable=True,
    ),
    RoleEntry(
        "Laboratory Technician",
        "lab_technician",
        "Lab operations and test management",
        "sample_create sample_read sample_update lab_test_create lab_test_read lab_test_update "
        "inventory_* animal_read procedure_read report_read",
        is_requestable=True,
    ),
    RoleEntry(
        "Viewer",
        "viewer",
        "Read-only access to assigned modules",
        "animal_read sample_read lab_test_read procedure_read customer_read inventory_read report_read genomics_read",
        is_requestable=True,
    ),
)

_ORDER = {name: position for position, name in enumerate(PERMISSION_NAMES)}


def in_catalogue_order(names: Iterable[str]) -> list[str]:
    return list(_ordered(frozenset(names)))


@lru_cache(maxsize=200)  # few combinations of roles exist; names that callers make up must not fill the memory
def _ordered(names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (_ORDER.get(name, len(_ORDER)), name)))
