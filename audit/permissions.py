"""Names of the audit log's permissions."""

AUDIT_READ = "audit_read"
AUDIT_EXPORT = "audit_export"
#: What a denial names where only commands at the server may act, as for a new signing key: no role has it.
AUDIT_MAINTAIN = "audit_maintain"


def permission_to_erase(resource: str) -> str:
    return f"{resource}_delete"
