"""The audit log."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    """App configuration."""

    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Have migrations give the server's database role its rights."""
        from audit.database_role import grant_rights

        post_migrate.connect(grant_rights, sender=self)
