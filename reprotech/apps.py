"""The project's own app, its Django admin, and how it uses others' apps."""

from pathlib import Path

from auditlog.apps import AuditlogConfig
from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries


class ReprotechConfig(AppConfig):
    """System checks and tests of the project as a whole."""

    name = "reprotech"

    def ready(self) -> None:
        """Register the checks, and do nothing around each request that changes nothing here."""
        from reprotech import checks  # noqa: F401

        # A request leaves no connection behind, needs no closing of caches, and has no addresses of its own.
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_caches)
        request_finished.disconnect(reset_urlconf)
        if not settings.DEBUG:
            request_started.disconnect(reset_queries)


class ChangeTrackingConfig(AuditlogConfig):  # type: ignore[misc] # it has no type hints
    """django-auditlog without its commands, which empty a table and convert one of its own (`audit.model_tracking`)."""

    name = "auditlog"
    #: Where Django looks for what an app brings beside its modules: there is nothing.
    path = str(Path(__file__).resolve().parent / "change_tracking")


class ReprotechAdminConfig(AdminConfig):
    """Django admin behind our own sign-in."""

    default_site = "reprotech.admin.ReprotechAdminSite"
