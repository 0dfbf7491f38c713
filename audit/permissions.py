"""Names of the audit log's permissions."""

AUDIT_READ = "audit_read"
AUDIT_EXPORT = "audit_export"
#: Named by denials of what only commands on the server may do, such as a key rotation: no role has it.
AUDIT_MAINTAIN = "audit_maintain"


def permission_to_erase(resource: str) -> str:
    return f"{resource}_delete"
