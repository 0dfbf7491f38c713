"""The name of the permission that the dashboard asks for."""

ANALYTICS_READ = "analytics_read"
