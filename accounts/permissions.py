"""Permission names, and the marks by which a page view declares who may open it.

`accounts.access.middleware.AccessMiddleware` enforces the marks; a view without one is denied to everybody.
"""

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


#: What a denial at Django admin's door names: no permission opens it, the Super Administrator's role does.
ADMIN_SITE = "admin_site"
