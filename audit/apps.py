"""The audit log."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """App configuration."""

    name = "audit"
    verbose_name = "Audit"
