"""The names of the permissions that single sign-on checks."""

SETTINGS_READ = "settings_read"
SETTINGS_UPDATE = "settings_update"
