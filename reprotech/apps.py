"""App configurations of the project, its Django admin and django-auditlog."""

from pathlib import Path

from auditlog.apps import AuditlogConfig
from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class ReprotechConfig(AppConfig):
    name = "reprotech"

    def ready(self) -> None:
        from reprotech import checks  # noqa: F401
        from reprotech.conf import deploy_checks  # noqa: F401


class ChangeTrackingConfig(AuditlogConfig):  # type: ignore[misc] # it has no type hints
    """django-auditlog without its management commands, which empty and convert tables."""

    name = "auditlog"
    #: Django finds an app's commands by its path; this one doesn't exist.
    path = str(Path(__file__).resolve().parent / "change_tracking")


class ReprotechAdminConfig(AdminConfig):
    """Django admin behind our own sign-in."""

    default_site = "reprotech.admin_site.ReprotechAdminSite"


class ReprotechStaticFilesConfig(StaticFilesConfig):
    """Static files, of which collecting leaves out the page that the API's description doesn't use."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "redoc"]
