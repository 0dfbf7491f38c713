"""Start of the audit app: signal handlers and what SQLite's connections need."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate

from reprotech.core.normalization import fold_column


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        # Not at the top: models can be imported once all apps are loaded.
        from audit.capture.triggers import install, remove_outdated_triggers
        from audit.models.querysets import AuditLogQuerySet
        from audit.sealing.database_role import grant_rights
        from audit.tracking import events

        AuditLogQuerySet.recorder = events
        connection_created.connect(_prepare_sqlite, dispatch_uid="audit.sqlite")
        pre_migrate.connect(remove_outdated_triggers, sender=self)
        post_migrate.connect(install, sender=self)
        post_migrate.connect(grant_rights, sender=self)


def _prepare_sqlite(connection: Any, **_: object) -> None:
    from audit.capture.sqlite_triggers import install_connection_triggers
    from audit.models.addresses import numeric_address

    if connection.vendor == "sqlite":
        connection.before_transaction = install_connection_triggers
        connection.connection.create_function("reprotech_fold", 1, fold_column, deterministic=True)
        connection.connection.create_function("reprotech_address", 1, numeric_address, deterministic=True)
