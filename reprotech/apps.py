"""The project's own app and its Django admin."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ReprotechConfig(AppConfig):
    """System checks and tests of the project as a whole."""

    name = "reprotech"

    def ready(self) -> None:
        """Register the checks."""
        from reprotech import checks  # noqa: F401


class ReprotechAdminConfig(AdminConfig):
    """Django admin behind our own sign-in."""

    default_site = "reprotech.admin.ReprotechAdminSite"
