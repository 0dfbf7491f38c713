"""The project's own app and its Django admin."""

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


class ReprotechAdminConfig(AdminConfig):
    """Django admin behind our own sign-in."""

    default_site = "reprotech.admin.ReprotechAdminSite"
