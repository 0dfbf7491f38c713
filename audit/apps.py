"""The audit log."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from audit.normalization import fold_column


class AuditConfig(AppConfig):
    """App configuration."""

    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Give SQLite the function that searches fold with, and have migrations give the server's role its rights."""
        from audit.database_role import grant_rights

        connection_created.connect(_add_functions, dispatch_uid="audit.functions")
        post_migrate.connect(grant_rights, sender=self)


def _add_functions(connection: Any, **_: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function("reprotech_fold", 1, fold_column, deterministic=True)
