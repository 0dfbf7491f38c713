"""The project's own app, its Django admin, and how it uses others' apps."""

from pathlib import Path

from auditlog.apps import AuditlogConfig
from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ReprotechConfig(AppConfig):
    """System checks and tests of the project as a whole."""

    name = "reprotech"

    def ready(self) -> None:
        from reprotech import checks  # noqa: F401
        from reprotech.conf import deploy_checks  # noqa: F401


class ChangeTrackingConfig(AuditlogConfig):  # type: ignore[misc] # it has no type hints
    """django-auditlog without its commands, which empty a table and convert one of its own."""

    name = "auditlog"
    #: Where Django looks for what an app brings beside its modules: there is nothing.
    path = str(Path(__file__).resolve().parent / "change_tracking")


class ReprotechAdminConfig(AdminConfig):
    """Django admin behind our own sign-in."""

    default_site = "reprotech.admin_site.ReprotechAdminSite"
