"""The names of the permissions that accounts check; `accounts.core.catalogue` lists all that exist."""

USER_CREATE = "user_create"
USER_READ = "user_read"
USER_UPDATE = "user_update"
USER_DELETE = "user_delete"
ROLE_CREATE = "role_create"
ROLE_READ = "role_read"
ROLE_UPDATE = "role_update"
ROLE_DELETE = "role_delete"
SETTINGS_READ = "settings_read"
SETTINGS_UPDATE = "settings_update"
SESSION_REVOKE = "session_revoke"

#: Named by denials of Django admin, which the role of Super Administrator opens, not a permission.
ADMIN_SITE = "admin_site"
